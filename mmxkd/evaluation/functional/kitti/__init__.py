"""KITTI object evaluation on plain arrays: numpy, and nothing else."""
from .curves import Curve
from .evaluate import evaluate
from .result import KittiResult
from .scene import METRICS, MIN_OVERLAPS

__all__ = ['METRICS', 'MIN_OVERLAPS', 'Curve', 'KittiResult', 'evaluate']
