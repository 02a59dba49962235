"""Data sets with several modalities, and the transforms of their samples."""
from . import transforms
from .kitti_dataset import KittiDataset
from .stf_dataset import STFDataset

__all__ = ['KittiDataset', 'STFDataset', 'transforms']
