"""KITTI's 2-D benchmark for any mmdet detector."""
from collections.abc import Mapping

import numpy as np

from mmxkd.errors import ConfigError
from mmxkd.formats.kitti.camera_boxes import clip_boxes
from mmxkd.registry import METRICS

from .kitti_metric import FramePrediction, KittiMetric
from .samples import image_size_of, instances_of


@METRICS.register_module()
class KittiMetric2D(KittiMetric):
    """Average precision of image boxes, by KITTI's official rules.

    Boxes are taken in pixels of the image on disk, as mmdet gives them, and
    clipped to it. Detections of classes that KITTI does not evaluate are left
    out. There is no orientation, hence no AOS.

    Args:
        *args: Of :class:`KittiMetric`.
        **kwargs: Of :class:`KittiMetric`.

    Raises:
        ConfigError: As :class:`KittiMetric`, or ground truth is named twice.
    """

    orientation = False

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if self.label_dir and self.infos:
            raise ConfigError('KittiMetric2D: expected label_dir or ann_file, '
                              'got both')

    def convert(self, frame_id: str, sample: Mapping) -> FramePrediction:
        """Predictions of one frame, clipped.

        Raises:
            ConfigError: The sample lacks boxes, has boxes of another kind,
                or lacks the size of its image.
            ValueError: A box is not finite, or its size is negative.
        """
        boxes, scores, labels = instances_of(frame_id, sample,
                                             'pred_instances',
                                             ('bboxes', 'scores', 'labels'))
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            raise ConfigError(
                f'frame {frame_id}: expected pred_instances.bboxes (N, 4), '
                f'got {boxes.shape}')
        bad = np.flatnonzero((boxes[:, 2:] < boxes[:, :2]).any(axis=1))
        if bad.size:
            raise ValueError(
                f'frame {frame_id}: detection {bad[0]} has a negative size: '
                f'pred_instances.bboxes = {boxes[bad[0]].tolist()}')
        names = self.names_of(frame_id, labels)
        kept = names != ''
        boxes = clip_boxes(boxes[kept], *image_size_of(frame_id, sample))
        return FramePrediction(
            frame_id, dict(name=names[kept], bbox=boxes, score=scores[kept]),
            {'of classes that KITTI does not evaluate': int((~kept).sum())})
