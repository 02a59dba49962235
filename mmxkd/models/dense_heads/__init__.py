"""Dense heads that mmdet has in another form, or not at all."""
from .classwise_ssd_head import ClasswiseSSDHead
from .convdet_head import ConvDetHead
from .efficientdet_head import EfficientDetHead
from .ssd_lite_head import SSDLiteHead

__all__ = [
    'ClasswiseSSDHead', 'ConvDetHead', 'EfficientDetHead', 'SSDLiteHead'
]
