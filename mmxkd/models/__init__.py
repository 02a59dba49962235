"""Networks and what they see of a batch; nothing here knows of distillation.
"""
from .data_preprocessors import ModalityDetDataPreprocessor

__all__ = ['ModalityDetDataPreprocessor']
