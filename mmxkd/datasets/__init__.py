"""Data sets with several modalities, and the transforms of their samples."""
from . import transforms
from .kitti_dataset import KittiDataset
from .mavd_dataset import MAVDDataset
from .mixed_batch_sampler import MixedBatchSampler
from .mixed_dataset import MixedDataset
from .scored_coco_dataset import ScoredCocoDataset
from .stf_dataset import STFDataset
from .voc_dataset import VOCDataset

__all__ = [
    'KittiDataset', 'MAVDDataset', 'MixedBatchSampler', 'MixedDataset',
    'STFDataset', 'ScoredCocoDataset', 'VOCDataset', 'transforms'
]
