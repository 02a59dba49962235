"""Losses in full precision, also under autocast."""
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import wraps
from typing import Any

import torch
from torch import Tensor

_HALF = (torch.float16, torch.bfloat16)


def in_full_precision(function: Callable) -> Callable:
    """Give a function its half-precision tensors as float32, without autocast.

    Sums of squares and exponentials overflow in float16, and lose three
    digits in bfloat16. This also finds tensors in lists, tuples and dicts;
    float32 and float64 stay as they are.
    """

    @wraps(function)
    def wrapped(*args, **kwargs):
        devices = {tensor.device.type for tensor in _tensors((args, kwargs))}
        with ExitStack() as stack:
            for device in devices:
                stack.enter_context(torch.autocast(device, enabled=False))
            return function(*_raised(args), **_raised(kwargs))

    return wrapped


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _tensors(part)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for part in value:
            yield from _tensors(part)


def _raised(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.float() if value.dtype in _HALF else value
    # Named tuples and other sub-classes stay as they are.
    if type(value) is dict:
        return {key: _raised(part) for key, part in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_raised(part) for part in value)
    return value
