"""Optimizer wrappers."""
from .alternating_optim_wrapper import (
    AlternatingOptimWrapper,
    AlternatingOptimWrapperConstructor,
)
from .bf16_optim_wrapper import Bf16OptimWrapper
from .per_tensor_clip_optim_wrapper import PerTensorClipOptimWrapper

__all__ = [
    'AlternatingOptimWrapper', 'AlternatingOptimWrapperConstructor',
    'Bf16OptimWrapper', 'PerTensorClipOptimWrapper'
]
