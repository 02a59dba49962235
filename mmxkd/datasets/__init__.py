"""Data sets with several modalities, and the transforms of their samples."""
from . import transforms
from .stf_dataset import STFDataset

__all__ = ['STFDataset', 'transforms']
