"""mmdet3d's SMOKE for batches in which there is nothing."""
from collections.abc import Sequence
from typing import Any

import torch
from mmdet3d.models.dense_heads import SMOKEMono3DHead as MMDet3DHead
from mmengine.structures import InstanceData
from torch import Tensor

from mmxkd.losses.common.precision import in_full_precision
from mmxkd.registry import MODELS


@MODELS.register_module()
class SMOKEMono3DHead(MMDet3DHead):
    """mmdet3d's ``SMOKEMono3DHead``, for empty streets and half precision.

    mmdet3d drops frames without objects, and its head fails where a batch
    holds none. Frames stay here, so the heatmap learns that there is nothing.

    Under autocast, mmdet3d's gives NaN from a sure centre on, as 1 - 1e-4 is
    1 in float16, and makes cameras of half precision. Here the head is
    float32 behind the neck.

    Args:
        *args, **kwargs: Of mmdet3d's head.
    """

    @in_full_precision
    def forward_single(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """See mmdet3d's head."""
        return super().forward_single(x)

    @in_full_precision
    def predict_by_feat(self, *args: Any, **kwargs: Any) -> list[InstanceData]:
        """See mmdet3d's head."""
        return super().predict_by_feat(*args, **kwargs)

    @in_full_precision
    def loss_by_feat(self, cls_scores: list[Tensor], bbox_preds: list[Tensor],
                     batch_gt_instances_3d: Sequence[InstanceData], *args: Any,
                     **kwargs: Any) -> dict[str, Tensor]:
        """See mmdet3d's head; without objects, the boxes have a loss of 0."""
        if any(len(found.labels_3d) for found in batch_gt_instances_3d):
            return super().loss_by_feat(cls_scores, bbox_preds,
                                        batch_gt_instances_3d, *args, **kwargs)
        heatmap = cls_scores[0]
        return dict(
            loss_cls=self.loss_cls(heatmap, torch.zeros_like(heatmap),
                                   avg_factor=1),
            # DDP waits for each parameter.
            loss_bbox=bbox_preds[0].sum() * 0)
