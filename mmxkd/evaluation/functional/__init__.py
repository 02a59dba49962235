"""Measures on plain arrays: numpy in, numbers out."""
from .rotated_boxes import rotated_intersection

__all__ = ['rotated_intersection']
