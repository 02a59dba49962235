"""Losses between the heads of two detectors, from their names alone."""
from .base import HeadLoss
from .chen_dense import ChenDenseHeadLoss
from .chen_roi import ChenRoIHeadLoss
from .crosskd import CrossKDLoss

__all__ = ['ChenDenseHeadLoss', 'ChenRoIHeadLoss', 'CrossKDLoss', 'HeadLoss']
