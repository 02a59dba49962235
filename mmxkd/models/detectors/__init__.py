"""Detectors that mmdet has in another form, or not at all."""
from .narrow_detector import NarrowDetector, narrow, widths_between

__all__ = ['NarrowDetector', 'narrow', 'widths_between']
