"""Backbones that mmdet has in another form."""
from .slim_ssd_vgg import SlimSSDVGG
from .tapped_mobilenet_v2 import TappedMobileNetV2

__all__ = ['SlimSSDVGG', 'TappedMobileNetV2']
