"""How EfficientDet writes a box relative to an anchor."""
from collections.abc import Sequence

import torch
from mmdet.models.task_modules.coders import BaseBBoxCoder
from mmdet.structures.bbox import get_box_tensor
from torch import Tensor

from mmxkd.registry import TASK_UTILS


@TASK_UTILS.register_module()
class DeltaYXHWBBoxCoder(BaseBBoxCoder):
    """Boxes as (dy, dx, dh, dw): centre in anchor sizes, logarithm of size.

    mmdet's ``DeltaXYWHBBoxCoder`` has the other order, and a limit on dh and
    dw, which the published weights were trained without.

    Args:
        min_size (float): Pixels. Smaller boxes get the targets of this size.
        clip_border (bool): Whether decoded boxes are clipped to the image.

    Examples:
        >>> anchor = torch.tensor([[0., 0., 10., 20.]])
        >>> box = torch.tensor([[1., 4., 11., 24.]])
        >>> coder = DeltaYXHWBBoxCoder()
        >>> deltas = coder.encode(anchor, box)
        >>> [round(d, 3) for d in deltas[0].tolist()]
        [0.2, 0.1, 0.0, 0.0]
        >>> torch.allclose(coder.decode(anchor, deltas), box)
        True
    """

    def __init__(self, min_size: float = 1., clip_border: bool = True,
                 **kwargs) -> None:
        super().__init__(**kwargs)
        self.min_size = min_size
        self.clip_border = clip_border

    def encode(self, bboxes: Tensor, gt_bboxes: Tensor) -> Tensor:
        """Deltas (N, 4) of boxes (N, 4) x1, y1, x2, y2 from anchors (N, 4).

        mmdet's boxes with a type are taken as well.
        """
        anchors, boxes = map(get_box_tensor, (bboxes, gt_bboxes))
        # Anchors are exact in single precision; their sizes are not.
        anchors = anchors.to(torch.promote_types(anchors.dtype, boxes.dtype))
        anchor_size = anchors[:, 2:] - anchors[:, :2]
        size = boxes[:, 2:] - boxes[:, :2]
        centre = boxes[:, :2] + size / 2
        shift = (centre - (anchors[:, :2] + anchor_size / 2)) / anchor_size
        growth = (size.clamp(min=self.min_size) / anchor_size).log()
        return torch.cat([shift.flip(1), growth.flip(1)], dim=1)

    def decode(self, bboxes: Tensor, bboxes_pred: Tensor,
               max_shape: Sequence[int] | None = None) -> Tensor:
        """Boxes (…, 4) x1, y1, x2, y2 of deltas (…, 4) from anchors (…, 4).

        Args:
            bboxes (Tensor): Anchors, x1, y1, x2, y2.
            bboxes_pred (Tensor): dy, dx, dh, dw.
            max_shape (Sequence[int], optional): Height and width that boxes
                are clipped to.
        """
        anchors = get_box_tensor(bboxes)
        anchor_size = anchors[..., 2:] - anchors[..., :2]
        middle = (anchors[..., 2:] + anchors[..., :2]) / 2
        middle = middle + bboxes_pred[..., :2].flip(-1) * anchor_size
        half = bboxes_pred[..., 2:].flip(-1).exp() * anchor_size / 2
        boxes = torch.cat([middle - half, middle + half], dim=-1)
        if max_shape is not None and self.clip_border:
            height, width = max_shape[:2]
            limit = boxes.new_tensor([width, height] * 2)
            boxes = boxes.clamp(min=0).minimum(limit)
        return boxes
