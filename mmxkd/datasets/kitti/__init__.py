"""The official KITTI folder layout: splits, calibration, LiDAR, depth."""
from .calibration import (
    KittiCalibration,
    read_calibration,
    write_calibration,
)
from .layout import split_ids
from .projection import project_depth
from .velodyne import read_scan, write_scan

__all__ = [
    'KittiCalibration', 'project_depth', 'read_calibration', 'read_scan',
    'split_ids', 'write_calibration', 'write_scan'
]
