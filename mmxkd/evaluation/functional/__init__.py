"""Measures on plain arrays: numpy in, numbers out."""
from .rotated_boxes import rotated_intersection
from .voc_ap import VocResult, evaluate_voc

__all__ = ['VocResult', 'evaluate_voc', 'rotated_intersection']
