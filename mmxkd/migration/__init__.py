"""Configs of other toolboxes, rewritten in the words of this package."""
from .mmrazor import Conversion, convert_mmrazor

__all__ = ['Conversion', 'convert_mmrazor']
