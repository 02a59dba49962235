"""Backbones that mmdet has in another form."""
from .efficientnet import EfficientNet
from .plain_vgg import PlainVGG
from .shuffledet_net import ShuffleDetNet
from .slim_ssd_vgg import SlimSSDVGG
from .spectrogram_backbone import SpectrogramBackbone
from .tapped_mobilenet_v2 import TappedMobileNetV2

__all__ = [
    'EfficientNet', 'PlainVGG', 'ShuffleDetNet', 'SlimSSDVGG',
    'SpectrogramBackbone', 'TappedMobileNetV2'
]
