"""A monocular detector that gives its own 2-D boxes too."""
from collections.abc import Sequence
from typing import Any

from mmdet3d.models.detectors import SingleStageMono3DDetector
from mmengine.structures import InstanceData

from mmxkd.errors import ConfigError
from mmxkd.registry import MODELS


@MODELS.register_module()
class MonoRoI3D(SingleStageMono3DDetector):
    """mmdet3d's single-stage detector around :class:`.MonoRoIHead`.

    Predictions are ``pred_instances_3d`` (boxes, scores, labels), and
    ``pred_instances`` with the 2-D boxes of the same objects.

    Args:
        backbone, neck, bbox_head (dict): Of the parts.
        **kwargs: Of mmdet3d's detector; ``test_cfg`` among them.

    Raises:
        ConfigError: ``bbox_head`` has a ``test_cfg``, which mmdet would
            replace by the model's in silence.
    """

    def __init__(self, backbone: dict, neck: dict | None = None,
                 bbox_head: dict | None = None, **kwargs: Any) -> None:
        for key in ('train_cfg', 'test_cfg'):
            if (bbox_head or {}).get(key) is not None:
                raise ConfigError(f'model.bbox_head.{key}: it is not read '
                                  f'there; set model.{key}')
        # mmdet writes the model's settings into it: into a copy, or a second
        # model of the same config would find them here.
        super().__init__(backbone=backbone, neck=neck,
                         bbox_head=dict(bbox_head or {}), **kwargs)

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
