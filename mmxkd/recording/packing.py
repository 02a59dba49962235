"""Records of a batch, taken apart by frame and put together again."""
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from .recorders import RecordError

#: JSON that says how tensors lie inside tuples, lists and dicts.
Skeleton = dict[str, Any]


def pack(value: Any, tensors: list[Tensor], where: str) -> Skeleton:
    """Move the tensors of a record into a list.

    Args:
        value: A tensor, or tuples, lists and dicts that hold some.
        tensors (list[Tensor]): Grows by those of ``value``.
        where (str): The hook point, for messages.

    Returns:
        dict: What is left; :func:`unpack` needs it.

    Raises:
        RecordError: The record holds something that cannot be stored.

    Examples:
        >>> found = []
        >>> pack((torch.ones(2), dict(a=None)), found, 'big:neck')
        {'tuple': [{'tensor': 0}, {'dict': {'a': {'value': None}}}]}
        >>> unpack({'tuple': [{'tensor': 0}]}, found)
        (tensor([1., 1.]),)
    """
    if isinstance(value, Tensor):
        tensors.append(value)
        return {'tensor': len(tensors) - 1}
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise RecordError(f'{where} holds a dict whose keys are not text; '
                              'it cannot be cached')
        return {'dict': {k: pack(v, tensors, where) for k, v in value.items()}}
    if isinstance(value, (list, tuple)):
        kind = 'tuple' if isinstance(value, tuple) else 'list'
        return {kind: [pack(v, tensors, where) for v in value]}
    if value is None or isinstance(value, (bool, int, float, str)):
        return {'value': value}
    raise RecordError(f'{where} holds a {type(value).__name__}, which cannot '
                      'be cached; only tensors in tuples, lists and dicts can')


def unpack(skeleton: Skeleton, tensors: Sequence[Tensor]) -> Any:
    """The inverse of :func:`pack`; a named tuple comes back as a tuple."""
    kind, content = next(iter(skeleton.items()))
    if kind == 'tensor':
        return tensors[content]
    if kind == 'value':
        return content
    if kind == 'dict':
        return {k: unpack(v, tensors) for k, v in content.items()}
    inside = [unpack(v, tensors) for v in content]
    return tuple(inside) if kind == 'tuple' else inside


def take(value: Any, frames: Sequence[int], size: int, where: str) -> Any:
    """Some frames of a batch of inputs.

    Args:
        value: A tensor (N, …), a list of N, or a dict of such.
        frames (list[int]): Which; those of another length are refused.
        size (int): N.
        where (str): For messages.

    Raises:
        RecordError: It cannot be told which part belongs to which frame.
    """
    if isinstance(value, Mapping):
        return {
            k: take(v, frames, size, f'{where}.{k}') for k, v in value.items()
        }
    if isinstance(value, Tensor) and value.ndim and len(value) == size:
        if list(frames) == list(range(size)):
            return value
        return value[torch.as_tensor(frames, device=value.device)]
    if isinstance(value, (list, tuple)) and len(value) == size:
        return [value[i] for i in frames]
    raise RecordError(
        f'{where} of a batch of {size} frames is a {type(value).__name__} of '
        f'{getattr(value, "shape", None) or len(value)}, not one part per '
        'frame, so this teacher cannot be cached; remove its cache')


def stored(tensor: Tensor, dtype: torch.dtype, where: str) -> Tensor:
    """A tensor as it is stored: floats in ``dtype``, on the CPU.

    Raises:
        RecordError: A value is not finite, or too large for ``dtype``.
    """
    if not tensor.is_floating_point():
        return tensor.detach().cpu()
    kept = tensor.detach().to(dtype)
    if not torch.isfinite(kept).all():
        if torch.isfinite(tensor).all():
            raise RecordError(
                f'{where} holds {float(tensor.abs().max()):.3g}, which is too '
                f'large for {str(dtype).removeprefix("torch.")}; use '
                "cache=dict(dtype='float32')")
        raise RecordError(f'{where} holds a value that is not finite')
    return kept.cpu()
