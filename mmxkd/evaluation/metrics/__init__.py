"""Metrics of mmengine's evaluation loops."""
from .count_metric import CountMetric
from .drive_track_metric import DriveTrackMetric
from .kitti_metric_2d import KittiMetric2D
from .kitti_metric_3d import KittiMetric3D
from .sound_detection_metric import SoundDetectionMetric
from .track_metric import TrackMetric
from .voc_ap_metric import VOCAPMetric

__all__ = [
    'CountMetric', 'DriveTrackMetric', 'KittiMetric2D', 'KittiMetric3D',
    'SoundDetectionMetric', 'TrackMetric', 'VOCAPMetric'
]
