"""Turn the content of a checkpoint into types that need no code to be read.

A file of tensors, numbers, strings and containers of them loads with
``torch.load(weights_only=True)`` on every release of PyTorch, in every
project, without an allow-list.
"""
import enum
from collections import Counter, OrderedDict, deque
from pathlib import PurePath
from typing import Any

import numpy as np
import torch

#: Key that marks a stored ``HistoryBuffer`` and carries its maximal length.
HISTORY = 'history_buffer_max_length'

_TORCH_VALUES = (torch.dtype, torch.device, torch.Size)
_BASE_TYPES: tuple[Any,
                   ...] = (bool, int, float, complex, str, bytes, bytearray)


def to_plain(value: Any, path: str = 'checkpoint') -> Any:
    """Copy nested containers with every leaf as a tensor, number or string.

    * ``HistoryBuffer`` -> dict of two 1-D tensors (see :func:`to_history`);
    * numpy array -> tensor of the same dtype and shape, or nested lists of
      strings; numpy scalar -> Python number;
    * ``deque`` -> list; named tuple -> tuple; ``frozenset`` -> set;
    * subclasses of dict (``ConfigDict``, ``defaultdict``) -> dict;
    * subclasses of int, float and str, enums and paths -> their plain value.

    Tensors, and the ``_metadata`` that ``state_dict`` carries, are kept.

    Args:
        value (Any): What is to be stored.
        path (str): Where it stands, for the message of the error.

    Raises:
        TypeError: For an object that has no plain form; names its place.

    Examples:
        >>> to_plain({'best': np.float32(0.5), 'keep': deque([1, 2])})
        {'best': 0.5, 'keep': [1, 2]}
    """
    if isinstance(value, torch.Tensor):
        return value if type(value) in (torch.Tensor, torch.nn.Parameter) \
            else value.as_subclass(torch.Tensor)
    if value is None or isinstance(value, _TORCH_VALUES):
        return value
    if isinstance(value, enum.Enum):
        return to_plain(value.value, path)
    if isinstance(value, np.generic):
        return to_plain(value.item(), path)
    for base in _BASE_TYPES:
        if isinstance(value, base):
            return value if type(value) is base else base(value)
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, np.ndarray):
        return _array(value, path)
    if isinstance(value, dict):
        return _mapping(value, path)
    if isinstance(value, (list, tuple, deque, set, frozenset)):
        items = [to_plain(v, f'{path}[{i}]') for i, v in enumerate(value)]
        if isinstance(value, (set, frozenset)):
            return set(items)
        return tuple(items) if isinstance(value, tuple) else items
    if _is_history(value):
        logs, counts = value.data
        return {
            HISTORY: value.max_length, 'log': torch.from_numpy(np.array(logs)),
            'count': torch.from_numpy(np.array(counts))
        }
    raise TypeError(
        f'{path} is a {type(value).__module__}.{type(value).__qualname__}, '
        'which can only be stored as a pickled object. Checkpoints hold '
        'tensors, numbers, strings and containers of them: store its plain '
        'content, or register the key with `resumed=False`.')


def to_history(value: Any) -> Any:
    """Rebuild a ``HistoryBuffer`` from its plain form; pass the rest through.

    Values, counts and their dtypes are exactly those that were stored.
    """
    if not isinstance(value, dict) or HISTORY not in value:
        return value
    from mmengine.logging import HistoryBuffer
    return HistoryBuffer(value['log'].cpu().numpy(),
                         value['count'].cpu().numpy(), value[HISTORY])


def _is_history(value: Any) -> bool:
    from mmengine.logging import HistoryBuffer
    return isinstance(value, HistoryBuffer)


def _array(value: np.ndarray, path: str) -> Any:
    if value.dtype.kind in 'biufc':
        native = value.astype(value.dtype.newbyteorder('='))
        return torch.from_numpy(np.ascontiguousarray(native))
    return to_plain(value.tolist(), path)


def _mapping(value: dict, path: str) -> dict:
    kind = next((k for k in (OrderedDict, Counter) if type(value) is k), dict)
    plain = kind()
    for key, item in value.items():
        plain[to_plain(key,
                       f'key of {path}')] = to_plain(item, f'{path}.{key}')
    if hasattr(value, '_metadata') and kind is OrderedDict:
        plain._metadata = to_plain(value._metadata, f'{path}._metadata')
    return plain
