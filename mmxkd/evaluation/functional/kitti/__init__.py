"""KITTI object evaluation on plain arrays: numpy, and nothing else."""
from .curves import Curve
from .difficulty import DIFFICULTIES
from .evaluate import evaluate
from .files import (
    frame_ids_of,
    read_label_file,
    read_labels,
    read_results,
    write_labels,
    write_results,
)
from .infos import CAMERA, KittiInfos
from .objects import CLASSES, NAMES, KittiObjects
from .result import KittiResult
from .scene import METRICS, MIN_OVERLAPS
from .splits import SPLITS, folder_of, official_ids, read_ids

__all__ = [
    'CAMERA', 'CLASSES', 'DIFFICULTIES', 'METRICS', 'MIN_OVERLAPS', 'NAMES',
    'SPLITS', 'Curve', 'KittiInfos', 'KittiObjects', 'KittiResult',
    'evaluate', 'folder_of', 'frame_ids_of', 'official_ids', 'read_ids',
    'read_label_file', 'read_labels', 'read_results', 'write_labels',
    'write_results'
]
