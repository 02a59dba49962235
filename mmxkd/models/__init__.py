"""Networks and what they see of a batch; nothing here knows of distillation.
"""
from .backbones import ShuffleDetNet, SlimSSDVGG, TappedMobileNetV2
from .data_preprocessors import ModalityDetDataPreprocessor
from .dense_heads import (
    ClasswiseSSDHead,
    ConvDetHead,
    SSDLiteHead,
)
from .necks import InvertedResidualNeck
from .task_modules import (
    ClampedSSDAnchorGenerator,
    OnePriorAssigner,
    SqueezeDetAnchorGenerator,
    SqueezeDetBBoxCoder,
    SSDAssigner,
)

__all__ = [
    'ClampedSSDAnchorGenerator', 'ClasswiseSSDHead', 'ConvDetHead',
    'InvertedResidualNeck', 'ModalityDetDataPreprocessor', 'OnePriorAssigner',
    'SSDAssigner', 'SSDLiteHead', 'ShuffleDetNet', 'SlimSSDVGG',
    'SqueezeDetAnchorGenerator', 'SqueezeDetBBoxCoder', 'TappedMobileNetV2'
]
