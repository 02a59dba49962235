"""Dense heads that mmdet has in another form, and their priors."""
from .clamped_ssd_anchor_generator import ClampedSSDAnchorGenerator
from .classwise_ssd_head import ClasswiseSSDHead
from .convdet_head import ConvDetHead
from .ssd_assigner import SSDAssigner
from .ssd_lite_head import SSDLiteHead

__all__ = [
    'ClampedSSDAnchorGenerator', 'ClasswiseSSDHead', 'ConvDetHead',
    'SSDAssigner', 'SSDLiteHead'
]
