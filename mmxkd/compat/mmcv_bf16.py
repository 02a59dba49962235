"""mmcv's operators under bfloat16 autocast.

What breaks: mmcv's compiled operators (``nms``, ``roi_align``, …) know
float32 and, on CUDA, float16. Under bfloat16 autocast, which is the mixed
precision of a CPU, they raise "expected scalar type Float but found
BFloat16": a two-stage detector cannot be trained.
Repair: an operator that is given bfloat16 computes in float32, forward and
backward, and answers in bfloat16. Other types are not touched.
Versions: mmcv <= 2.2.0. We know of no report.
Can go: when mmcv's operators dispatch bfloat16.
"""
import functools
import inspect
import sys
from types import ModuleType
from typing import Any

from .import_hook import after_import
from .stacks import BOTH

STACKS = BOTH


def apply() -> None:
    """Repair the operators when ``mmcv.ops`` is imported."""
    after_import('mmcv.ops', _repair)


def _repair(module: ModuleType) -> None:
    import torch
    prefix = module.__name__ + '.'
    for name, part in list(sys.modules.items()):
        if not name.startswith(prefix):
            continue
        for _, kind in inspect.getmembers(part, inspect.isclass):
            if (issubclass(kind, torch.autograd.Function)
                    and kind.__module__ == name):
                kind.forward = staticmethod(_in_float32(kind.forward))
                kind.backward = staticmethod(_in_float32(kind.backward))


def _in_float32(stock):
    import torch

    def to(dtype: torch.dtype, value: Any) -> Any:
        if isinstance(value, (tuple, list)):
            return type(value)(to(dtype, item) for item in value)
        if isinstance(value, torch.Tensor) and value.dtype in (torch.bfloat16,
                                                               torch.float32):
            return value.to(dtype)
        return value

    @functools.wraps(stock)
    def compute(ctx, *args):
        tensors = [a for a in args if isinstance(a, torch.Tensor)]
        if not any(t.dtype == torch.bfloat16 for t in tensors):
            return stock(ctx, *args)
        result = stock(ctx, *to(torch.float32, args))
        narrow = tensors[0].dtype == torch.bfloat16
        return to(torch.bfloat16, result) if narrow else result

    return compute
