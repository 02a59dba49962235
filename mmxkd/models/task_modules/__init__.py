"""Anchors, coders and assigners, which mmdet calls task utils."""
from .clamped_ssd_anchor_generator import ClampedSSDAnchorGenerator
from .efficientdet_anchors import EfficientDetAnchorGenerator
from .efficientdet_coder import DeltaYXHWBBoxCoder
from .listed_anchor_generator import ListedAnchorGenerator
from .one_prior_assigner import OnePriorAssigner
from .squeezedet_anchor_generator import SqueezeDetAnchorGenerator
from .squeezedet_bbox_coder import SqueezeDetBBoxCoder
from .ssd_assigner import SSDAssigner

__all__ = [
    'ClampedSSDAnchorGenerator', 'DeltaYXHWBBoxCoder',
    'EfficientDetAnchorGenerator', 'ListedAnchorGenerator', 'OnePriorAssigner',
    'SSDAssigner', 'SqueezeDetAnchorGenerator', 'SqueezeDetBBoxCoder'
]
