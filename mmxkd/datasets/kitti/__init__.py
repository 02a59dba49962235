"""The official KITTI folder layout: calibration, LiDAR, depth."""
from .calibration import (
                          KittiCalibration,
                          read_calibration,
                          write_calibration,
)
from .velodyne import read_scan, write_scan

__all__ = [
    'KittiCalibration', 'read_calibration', 'read_scan', 'write_calibration',
    'write_scan'
]
