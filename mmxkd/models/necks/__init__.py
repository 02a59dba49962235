"""Necks that mmdet does not have."""
from .inverted_residual_neck import InvertedResidualNeck

__all__ = ['InvertedResidualNeck']
