"""Data preprocessors."""
from .modality_det_data_preprocessor import ModalityDetDataPreprocessor
from .sound_det_data_preprocessor import SoundDetDataPreprocessor

__all__ = ['ModalityDetDataPreprocessor', 'SoundDetDataPreprocessor']
