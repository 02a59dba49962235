"""mmcv's operators under bfloat16 autocast, and of channels-last maps.

What breaks: mmcv's compiled operators (``nms``, ``roi_align``, …) know
float32 and, on CUDA, float16. Under bfloat16 autocast, which is the mixed
precision of a CPU, they raise "expected scalar type Float but found
BFloat16": a two-stage detector cannot be trained. And they take memory for
(N, C, H, W) in this order, whatever the strides: of a map in channels-last
format ``roi_align`` mixes channels and places, and says nothing.
Repair: an operator that is given bfloat16 computes in float32, forward and
backward, and answers in bfloat16. What it is given is made contiguous. Other
types are not touched.
Versions: mmcv <= 2.3.6. We know of no report.
Can go: when mmcv's operators dispatch bfloat16, and look at strides.
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
                kind.forward = staticmethod(_as_they_expect(kind.forward))
                kind.backward = staticmethod(_as_they_expect(kind.backward))


def _as_they_expect(stock):
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
        args = [
            a.contiguous() if isinstance(a, torch.Tensor) else a for a in args
        ]
        tensors = [a for a in args if isinstance(a, torch.Tensor)]
        if not any(t.dtype == torch.bfloat16 for t in tensors):
            return stock(ctx, *args)
        result = stock(ctx, *to(torch.float32, args))
        narrow = tensors[0].dtype == torch.bfloat16
        return to(torch.bfloat16, result) if narrow else result

    return compute
