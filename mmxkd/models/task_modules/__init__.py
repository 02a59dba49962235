"""Anchors, coders and assigners, which mmdet calls task utils."""
from .one_prior_assigner import OnePriorAssigner
from .squeezedet_anchor_generator import SqueezeDetAnchorGenerator
from .squeezedet_bbox_coder import SqueezeDetBBoxCoder

__all__ = [
    'OnePriorAssigner', 'SqueezeDetAnchorGenerator', 'SqueezeDetBBoxCoder'
]
