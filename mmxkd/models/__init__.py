"""Networks and what they see of a batch; nothing here knows of distillation.
"""
from .backbones import SlimSSDVGG, TappedMobileNetV2
from .data_preprocessors import ModalityDetDataPreprocessor
from .dense_heads import (
    ClampedSSDAnchorGenerator,
    ClasswiseSSDHead,
    SSDAssigner,
    SSDLiteHead,
)
from .necks import InvertedResidualNeck

__all__ = [
    'ClampedSSDAnchorGenerator', 'ClasswiseSSDHead', 'InvertedResidualNeck',
    'ModalityDetDataPreprocessor', 'SSDAssigner', 'SSDLiteHead', 'SlimSSDVGG',
    'TappedMobileNetV2'
]
