"""A monocular detector that gives its own 2-D boxes too."""
from collections.abc import Sequence
from typing import Any

from mmdet3d.models.detectors import SingleStageMono3DDetector
from mmengine.structures import InstanceData

from mmxkd.registry import MODELS


@MODELS.register_module()
class MonoRoI3D(SingleStageMono3DDetector):
    """mmdet3d's single-stage detector around :class:`.MonoRoIHead`.

    Predictions are ``pred_instances_3d`` (boxes, scores, labels), and
    ``pred_instances`` with the 2-D boxes of the same objects.
    """

    def add_pred_to_datasample(  # type: ignore[override]
            self, data_samples: Sequence[Any],
            data_instances_3d: Sequence[InstanceData],
            data_instances_2d: Any = None) -> Sequence[Any]:
        flat = [
            InstanceData(bboxes=found.pop('bboxes'), scores=found.scores_3d,
                         labels=found.labels_3d) for found in data_instances_3d
        ]
        return super().add_pred_to_datasample(data_samples, data_instances_3d,
                                              flat)
