"""Necks that mmdet does not have."""
from .bifpn import BiFPN
from .frame_projector import FrameProjector
from .inverted_residual_neck import InvertedResidualNeck

__all__ = ['BiFPN', 'FrameProjector', 'InvertedResidualNeck']
