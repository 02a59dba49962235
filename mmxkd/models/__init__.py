"""Networks and what they see of a batch; nothing here knows of distillation.
"""
from .backbones import (
    EfficientNet,
    PlainVGG,
    ShuffleDetNet,
    SlimSSDVGG,
    SpectrogramBackbone,
    TappedMobileNetV2,
)
from .counters import VehicleCounter
from .data_preprocessors import (
    ModalityDetDataPreprocessor,
    SoundDetDataPreprocessor,
)
from .dense_heads import (
    ClasswiseSSDHead,
    ConvDetHead,
    EfficientDetHead,
    SSDLiteHead,
)
from .detectors import NarrowDetector
from .losses import ClampedFocalLoss
from .necks import BiFPN, FrameProjector, InvertedResidualNeck
from .task_modules import (
    ClampedSSDAnchorGenerator,
    DeltaYXHWBBoxCoder,
    EfficientDetAnchorGenerator,
    ListedAnchorGenerator,
    OnePriorAssigner,
    SqueezeDetAnchorGenerator,
    SqueezeDetBBoxCoder,
    SSDAssigner,
)

__all__ = [
    'BiFPN', 'ClampedFocalLoss', 'ClampedSSDAnchorGenerator',
    'ClasswiseSSDHead', 'ConvDetHead', 'DeltaYXHWBBoxCoder',
    'EfficientDetAnchorGenerator', 'EfficientDetHead', 'EfficientNet',
    'FrameProjector', 'InvertedResidualNeck', 'ListedAnchorGenerator',
    'ModalityDetDataPreprocessor', 'NarrowDetector', 'OnePriorAssigner',
    'PlainVGG', 'SSDAssigner', 'SSDLiteHead', 'ShuffleDetNet', 'SlimSSDVGG',
    'SoundDetDataPreprocessor', 'SpectrogramBackbone',
    'SqueezeDetAnchorGenerator', 'SqueezeDetBBoxCoder', 'TappedMobileNetV2',
    'VehicleCounter'
]
