"""What a model sees of a batch."""
from .modality_det_data_preprocessor import ModalityDetDataPreprocessor

__all__ = ['ModalityDetDataPreprocessor']
