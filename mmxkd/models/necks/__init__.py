"""Necks that mmdet does not have."""
from .bifpn import BiFPN
from .inverted_residual_neck import InvertedResidualNeck

__all__ = ['BiFPN', 'InvertedResidualNeck']
