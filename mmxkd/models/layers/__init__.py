"""Layers that several networks use."""
from .same_padding import SamePadMaxPool2d, SeparableConv, projection

__all__ = ['SamePadMaxPool2d', 'SeparableConv', 'projection']
