"""Losses that detectors are trained by; those of distillation lie elsewhere.
"""
from .clamped_focal_loss import ClampedFocalLoss

__all__ = ['ClampedFocalLoss']
