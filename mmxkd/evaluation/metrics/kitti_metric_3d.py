"""KITTI's 3-D and bird's eye benchmarks for 3-D detectors."""
from collections.abc import Mapping, Sequence

import numpy as np

from mmxkd.errors import ConfigError, check_known
from mmxkd.formats.kitti.camera_boxes import (
    CameraBoxes,
    clip_boxes,
    from_camera_rows,
    from_lidar_rows,
    observation_angle,
    project_boxes,
    touches_image,
)
from mmxkd.formats.kitti.infos import Camera, as_matrix, as_projection
from mmxkd.registry import METRICS

from .kitti_metric import FramePrediction, KittiMetric, check_names
from .samples import image_size_of, instances_of


@METRICS.register_module()
class KittiMetric3D(KittiMetric):
    """Average precision of 3-D boxes, by KITTI's official rules.

    Reads ``pred_instances_3d``, boxes in the frame of a LiDAR or of a camera;
    no 3-D package is needed.

    The image box of a detection is the model's own, where it predicts one
    beside each 3-D box (``pred_instances.bboxes``, pixels of the image on
    disk). Else, and where the model's has no area, it is that of the projected
    corners, cut at a near plane. It is clipped to the image. KITTI's height
    limits and DontCare regions go by it. As in other tools, detections
    that no pixel of the image shows are left out: KITTI labels only what its
    camera sees. So are boxes in the frame of a camera whose centre does not
    lie before it (z <= 0) or that have a size of 0: a monocular detector sees
    no such thing. Their numbers are logged. No other range is applied.

    Args:
        *args: Of :class:`KittiMetric`. With both ``label_dir`` and
            ``ann_file``, the labels come from the one and the cameras from
            the other. Without ``ann_file`` the cameras are those that the
            samples name.
        metrics (Sequence[str]): Of ``'bbox'`` (and AOS with it), ``'bev'``
            and ``'3d'``.
        overlaps (Sequence[str]): ``'strict'``, KITTI's own, and ``'loose'``
            for BEV and 3-D overlaps of 0.5, 0.25, 0.25.
        image_boxes (str): ``'auto'``: as above; ``'projected'``: of the
            corners in any case, as mmdet3d's metric does; ``'predicted'``:
            refuse a model that predicts none.
        **kwargs: Of :class:`KittiMetric`.

    Raises:
        ConfigError: As :class:`KittiMetric`.
    """

    def __init__(self, *args, metrics: Sequence[str] = ('bbox', 'bev', '3d'),
                 overlaps: Sequence[str] = ('strict', ),
                 image_boxes: str = 'auto', **kwargs) -> None:
        super().__init__(*args, **kwargs)
        check_known('KittiMetric3D: image_boxes', image_boxes,
                    ('auto', 'projected', 'predicted'))
        self.image_boxes = image_boxes
        check_names('KittiMetric3D', 'metrics', metrics, ('bbox', 'bev', '3d'))
        check_names('KittiMetric3D', 'overlaps', overlaps, ('strict', 'loose'))
        self.metrics, self.overlaps = metrics, overlaps

    def convert(self, frame_id: str, sample: Mapping) -> FramePrediction:
        """Predictions of one frame, in the camera's frame and in pixels.

        Raises:
            ConfigError: The sample lacks boxes, or nothing says what its
                camera is.
            ValueError: A box is not finite, or a size is negative.
        """
        rows, scores, labels = instances_of(
            frame_id, sample, 'pred_instances_3d',
            ('bboxes_3d', 'scores_3d', 'labels_3d'))
        if not len(rows) == len(scores) == len(labels):
            raise ValueError(
                f'frame {frame_id}: pred_instances_3d has {len(rows)} boxes, '
                f'{len(scores)} scores and {len(labels)} labels')
        bad = np.flatnonzero((rows[:, 3:6] < 0).any(axis=1))
        if bad.size:
            raise ValueError(
                f'frame {frame_id}: detection {bad[0]} has a negative size: '
                f'pred_instances_3d.bboxes_3d = {rows[bad[0]].tolist()}')
        camera = (self.infos.camera(frame_id) if self.infos else camera_of(
            frame_id, sample))
        boxes = to_camera(frame_id, sample['pred_instances_3d']['bboxes_3d'],
                          rows, camera)
        size = camera.width, camera.height
        pictures = project_boxes(boxes, camera.cam2img)
        names = self.names_of(frame_id, labels)
        known, seen = names != '', touches_image(pictures, *size)
        pictures = clip_boxes(pictures, *size)
        own = self._own_boxes(frame_id, sample, len(rows))
        if own is not None:
            # An untrained model predicts boxes of a negative extent, or
            # beside the image.
            clipped = clip_boxes(own, *size)
            whole = (clipped[:, 2:] > clipped[:, :2]).all(1)
            pictures = np.where(whole[:, None], clipped, pictures)
        solid = np.ones(len(rows), bool)
        if is_of_camera(sample['pred_instances_3d']['bboxes_3d']):
            solid = (rows[:, 2:6] > 0).all(1)
        kept = known & seen & solid
        columns = dict(name=names, score=scores,
                       alpha=observation_angle(boxes), bbox=pictures,
                       **boxes._asdict())
        return FramePrediction(
            frame_id, {key: value[kept] for key, value in columns.items()}, {
                'of classes that KITTI does not evaluate': int(
                    (~known).sum()), 'outside of the image': int(
                        (known & ~seen).sum()),
                'at or behind the camera, or without extent': int(
                    (known & seen & ~solid).sum())
            })

    def _own_boxes(self, frame_id: str, sample: Mapping,
                   number: int) -> np.ndarray | None:
        """(N, 4) image boxes of the model; None where it predicts none."""
        flat = sample.get('pred_instances') or {}
        there = 'bboxes' in flat and len(flat['bboxes']) == number
        if self.image_boxes == 'projected' or not (there or self.image_boxes
                                                   == 'predicted'):
            return None
        if not there:
            raise ConfigError(
                f"frame {frame_id}: image_boxes='predicted', but the model "
                f'predicted no pred_instances.bboxes for its {number} boxes')
        return instances_of(frame_id, sample, 'pred_instances',
                            ('bboxes', ))[0].reshape(-1, 4)


def is_of_camera(boxes: object) -> bool:
    """Whether their class is mmdet3d's of boxes in the frame of a camera."""
    return any(kind.__name__ == 'CameraInstance3DBoxes'
               for kind in type(boxes).__mro__)


def to_camera(frame_id: str, boxes: object, rows: np.ndarray,
              camera: Camera) -> CameraBoxes:
    """Predicted boxes in the camera's frame.

    Args:
        frame_id (str): For messages.
        boxes (object): Its class tells their frame.
        rows (np.ndarray): (N, 7+) their tensor.
        camera (Camera): Of the frame.

    Raises:
        ConfigError: Boxes of another frame, or ``lidar2cam`` is needed and
            not known.
    """
    if is_of_camera(boxes):
        return from_camera_rows(rows)
    kinds = {kind.__name__ for kind in type(boxes).__mro__}
    if 'LiDARInstance3DBoxes' not in kinds:
        raise ConfigError(
            f'frame {frame_id}: expected LiDARInstance3DBoxes or '
            f'CameraInstance3DBoxes, got {type(boxes).__name__}')
    if camera.lidar2cam is None:
        raise ConfigError(
            f'frame {frame_id}: boxes of a LiDAR need lidar2cam: give '
            "KittiMetric3D an ann_file, or add 'lidar2cam' to the meta_keys "
            'of the packing transform')
    return from_lidar_rows(rows, camera.lidar2cam)


def camera_of(frame_id: str, sample: Mapping) -> Camera:
    """The camera that a sample's own meta data describe.

    Raises:
        ConfigError: They do not, or describe that of a resized image.
    """

    def refuse(reason: str) -> ConfigError:
        return ConfigError(
            f'frame {frame_id}: {reason}; give KittiMetric3D an ann_file, '
            'which says what the camera is')

    # Some transforms that resize scale cam2img and others do not.
    matrix = sample.get('ori_cam2img')
    if matrix is None:
        matrix = sample.get('cam2img')
        if np.any(np.asarray(sample.get('scale_factor', 1)) != 1):
            raise refuse('the image was resized, and cam2img may be that of '
                         'the resized one')
    cam2img = None if matrix is None else as_projection(matrix)
    if cam2img is None:
        raise refuse("expected one finite matrix in the sample's cam2img, got "
                     + ('none' if matrix is
                        None else f'the shape {np.asarray(matrix).shape}'))
    lidar2cam = as_matrix(sample.get('lidar2cam'), (4, 4))
    if lidar2cam is None and sample.get('lidar2cam') is not None:
        raise refuse("expected one finite 4x4 matrix in the sample's "
                     'lidar2cam, got the shape '
                     f'{np.asarray(sample["lidar2cam"]).shape}')
    return Camera(cam2img, lidar2cam, *image_size_of(frame_id, sample))
