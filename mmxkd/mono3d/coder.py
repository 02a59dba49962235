"""From what a monocular head predicts to boxes."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.structures import InstanceData
from torch import Tensor

from mmxkd.errors import check_number

from .geometry import (
    HEADING_BINS,
    Cameras,
    box_corners,
    decode_angle,
    wrap_angle,
)
from .roi_branch import Cells


@dataclass(frozen=True)
class Detections:
    """N detections of a batch, before any is dropped.

    Attributes:
        cells (Cells): Where they were found.
        score (Tensor): (N, ) of the heatmap.
        confidence (Tensor): (N, ) of the depth.
        kept (Tensor): (N, ) bool.
        boxes (Tensor): (N, 4) x1, y1, x2, y2, original pixels, not clipped.
        sizes (Tensor): (N, 3) h, w, l, metres.
        bottom (Tensor): (N, 3) x, y, z of the bottom centre, metres.
        alpha, yaw (Tensor): (N, ) radians.
    """

    cells: Cells
    score: Tensor
    confidence: Tensor
    kept: Tensor
    boxes: Tensor
    sizes: Tensor
    bottom: Tensor
    alpha: Tensor
    yaw: Tensor

    @property
    def product(self) -> Tensor:
        """(N, ) the score of a detection."""
        return self.score * self.confidence

    def rows(self) -> Tensor:
        """(N, 7) x, y, z, l, h, w, yaw, as ``CameraInstance3DBoxes``."""
        return torch.cat(
            [self.bottom, self.sizes[:, [2, 0, 1]], self.yaw[:, None]], 1)


class MonoCoder:
    """Peaks of heatmaps, and boxes of what is predicted there.

    A detection is dropped where it is not finite, where z or a size is not
    above 0, or where its score is too small.

    Args:
        topk (int): Of each image.
        score_thr (float): Least score. With ``did`` it applies to the score
            of the heatmap, before it is multiplied by the confidence of the
            depth; with ``gup`` to the product.

    Raises:
        ConfigError: ``topk`` is no whole number of 1 or more, or the
            threshold none in [0, 1].
    """

    def __init__(self, topk: int = 50, score_thr: float = 0.2) -> None:
        check_number('MonoRoIHead: test_cfg.topk', topk, above=0, whole=True)
        check_number('MonoRoIHead: test_cfg.score_thr', score_thr, 0, 1)
        self.topk, self.score_thr = topk, score_thr

    def peaks(self, scores: Tensor) -> tuple[Tensor, Cells]:
        """The best local maxima of each image.

        A cell is one where no neighbour of the same class has a larger score.

        Args:
            scores (Tensor): (B, K, H, W).

        Returns:
            tuple[Tensor, Cells]: (B · k, ) scores, in falling order within
            an image; and the cells.
        """
        highest = F.max_pool2d(scores, 3, stride=1, padding=1)
        peaks = (scores * (scores == highest)).flatten(2)
        count = min(self.topk, peaks.shape[2])
        # First of each class, then of these: ties fall as in the originals.
        best, index = peaks.topk(count, dim=2)
        top, chosen = best.flatten(1).topk(count, dim=1)
        label = torch.div(chosen, count, rounding_mode='floor')
        index = index.flatten(1).gather(1, chosen)
        image = torch.arange(len(scores), device=scores.device)
        cells = Cells(image.repeat_interleave(count), index.flatten(),
                      label.flatten())
        return top.flatten(), cells

    def decode(self, dense: Mapping[str, Tensor],
               outputs: Mapping[str, Tensor], cells: Cells, scores: Tensor,
               cameras: Cameras, depth_head: Any) -> Detections:
        """Boxes of cells.

        Args:
            dense (dict): Maps of the head.
            outputs (dict): Of the regions at the cells.
            cells (Cells): N of them.
            scores (Tensor): (N, ) of the heatmap.
            cameras (Cameras): Of the images.
            depth_head (DepthHead): Decodes the depth.
        """
        size = dense['heatmap'].shape[-2:]
        camera = cameras.of(cells.image)
        position = cells.position(size[1])
        centre = position + cells.gather(dense['offset_2d'])
        corners = box_corners(centre, cells.gather(dense['size_2d']))
        boxes = camera.to_original(corners.view(-1, 2, 2).double(), size)
        boxes = boxes.reshape(-1, 4)
        z, confidence = depth_head.decode(outputs)
        sizes = outputs['size_3d'] + depth_head.mean_size[cells.label]
        place = camera.to_original((position + outputs['offset_3d']).double(),
                                   size)
        bottom = camera.unproject(place, z.double())
        bottom[:, 1] += sizes[:, 0] / 2
        bins = outputs['heading'][:, :HEADING_BINS].argmax(1)
        rest = outputs['heading'][:, HEADING_BINS:].gather(1, bins[:, None])
        alpha = decode_angle(bins, rest[:, 0]).double()
        yaw = wrap_angle(alpha
                         + camera.ray_angle((boxes[:, 0] + boxes[:, 2]) / 2))
        cut = scores if depth_head.threshold_first else scores * confidence
        kept = ((cut >= self.score_thr) & (sizes > 0).all(1) & (z > 0)
                & bottom.isfinite().all(1) & sizes.isfinite().all(1)
                & boxes.isfinite().all(1) & yaw.isfinite())
        return Detections(cells, scores, confidence, kept, boxes, sizes,
                          bottom, alpha, yaw)


def instances_of(found: Detections,
                 samples: Sequence[Any]) -> list[InstanceData]:
    """Detections of each image, by falling score.

    Args:
        found (Detections): Of the batch.
        samples (Sequence): Data samples; ``box_type_3d`` of their meta
            information makes the boxes.
    """
    rows, score = found.rows().float(), found.product.float()
    results = []
    for i, sample in enumerate(samples):
        own = torch.nonzero((found.cells.image == i) & found.kept)[:, 0]
        own = own[score[own].argsort(descending=True, stable=True)]
        results.append(
            InstanceData(
                bboxes_3d=sample.metainfo['box_type_3d'](rows[own], box_dim=7,
                                                         origin=(0.5, 1.0,
                                                                 0.5)),
                scores_3d=score[own], labels_3d=found.cells.label[own],
                bboxes=found.boxes[own].float()))
    return results
