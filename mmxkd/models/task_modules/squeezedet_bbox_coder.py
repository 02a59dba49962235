"""How SqueezeDet and ShuffleDet write boxes as numbers."""
import math
from collections.abc import Sequence
from typing import Any

import torch
from mmdet.models.task_modules import DeltaXYWHBBoxCoder
from mmdet.structures.bbox import HorizontalBoxes, get_box_tensor
from torch import Tensor

from mmxkd.registry import TASK_UTILS


@TASK_UTILS.register_module()
class SqueezeDetBBoxCoder(DeltaXYWHBBoxCoder):
    r"""Offsets of the centre in anchors' sizes, and logarithms of sizes.

    Encoding is mmdet's with means of 0 and deviations of 1. Decoding differs:
    :math:`w = w_a\, s(d_w)`, where :math:`s(v) = e^v` up to 1 and goes on as
    the straight line :math:`e\,v`, so that no size explodes. Corners are
    clamped to the image's pixels, 0 to W - 1, and then the right and lower
    edge move by one pixel: boxes include their last pixel.

    Source: Wu et al., SqueezeDet, CVPR workshops 2017.
    """

    def decode(self, bboxes: Any, pred_bboxes: Tensor,
               max_shape: Sequence[int] | Tensor | None = None,
               wh_ratio_clip: float | None = None) -> Any:
        """Boxes from offsets.

        Args:
            bboxes (Tensor): (…, 4) anchors, x1, y1, x2, y2 in pixels.
            pred_bboxes (Tensor): (…, 4) dx, dy, dw, dh.
            max_shape (Sequence[int], optional): H, W of the image. Default:
                corners are not clamped.
            wh_ratio_clip: Not used: sizes are bounded as said above.

        Returns:
            Tensor: (…, 4) x1, y1, x2, y2; x2 and y2 are past the last pixel.
        """
        anchors = get_box_tensor(bboxes)
        size = anchors[..., 2:] - anchors[..., :2]
        centre = (anchors[..., 2:] + anchors[..., :2]) / 2
        centre = centre + pred_bboxes[..., :2] * size
        half = size * bounded_exp(pred_bboxes[..., 2:]) / 2
        low, high = centre - half, centre + half
        if max_shape is not None:
            height, width = max_shape[:2]
            last = low.new_tensor([width - 1, height - 1])
            low, high = (torch.minimum(corner.clamp(min=0), last)
                         for corner in (low, high))
        boxes = torch.cat([low, high + 1], -1)
        return HorizontalBoxes(boxes) if self.use_box_type else boxes


def bounded_exp(x: Tensor) -> Tensor:
    """The exponential up to 1, and its tangent there beyond.

    Examples:
        >>> bounded_exp(torch.tensor([0., 1., 2.]))
        tensor([1.0000, 2.7183, 5.4366])
    """
    # The other branch must not overflow: NaN would spoil the gradient.
    return torch.where(x > 1, math.e * x, x.clamp(max=1).exp())
