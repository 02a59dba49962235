"""Hooks of mmengine's runner."""
from .stem_init_hook import StemInitHook, inflate_stem
from .strict_early_stopping_hook import StrictEarlyStoppingHook
from .torchvision_weights_hook import TorchvisionWeightsHook, from_torchvision

__all__ = [
    'StemInitHook', 'StrictEarlyStoppingHook', 'TorchvisionWeightsHook',
    'from_torchvision', 'inflate_stem'
]
