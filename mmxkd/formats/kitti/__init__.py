"""KITTI's object data as published, and what describes it.

Labels, results, calibration, LiDAR scans, splits and info files. Depth maps
are in :mod:`.depth_maps`, which alone needs an image library.
"""
from .calibration import KittiCalibration, read_calibration, write_calibration
from .difficulty import DIFFICULTIES, Difficulty
from .infos import CAMERA, KittiInfos
from .label_files import (
    frame_ids_of,
    read_label_file,
    read_labels,
    read_results,
    result_folder,
    write_labels,
    write_results,
)
from .layout import split_ids
from .objects import CLASSES, NAMES, KittiObjects
from .projection import project_depth
from .splits import SPLITS, folder_of, official_ids, read_ids
from .velodyne import read_scan, write_scan

__all__ = [
    'CAMERA', 'CLASSES', 'DIFFICULTIES', 'NAMES', 'SPLITS', 'Difficulty',
    'KittiCalibration', 'KittiInfos', 'KittiObjects', 'folder_of',
    'frame_ids_of', 'official_ids', 'project_depth', 'read_calibration',
    'read_ids', 'read_label_file', 'read_labels', 'read_results',
    'result_folder', 'read_scan', 'split_ids', 'write_calibration',
    'write_labels', 'write_results', 'write_scan'
]
