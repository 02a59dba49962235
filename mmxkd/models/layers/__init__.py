"""Layers that several networks use."""
from .log_mel import LogMel, resize_maps
from .mel_filters import mel_filters
from .same_padding import SamePadMaxPool2d, SeparableConv, projection

__all__ = [
    'LogMel', 'SamePadMaxPool2d', 'SeparableConv', 'mel_filters', 'projection',
    'resize_maps'
]
