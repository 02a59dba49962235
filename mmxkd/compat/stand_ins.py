"""Inert stand-ins for the globals in checkpoints of a stock mmengine run.

What breaks: mmengine pickles ``HistoryBuffer``, numpy objects and, through
``HistoryBuffer.__getstate__``, ``builtins.getattr`` into every checkpoint, so
that ``torch.load(weights_only=True)`` refuses it. A user's teacher is such a
file. Allow-listing the real classes would also allow-list ``getattr``, with
which a pickle reaches anything; so the *names* in the file are bound to the
classes and functions below, which copy numbers and do nothing else.
Versions: mmengine <= 0.10.7 with torch >= 2.6 (the first release where names
can be bound). Reported: open-mmlab/mmengine#1655.
Can go: when no file written by mmengine <= 0.10 is in use any more.
"""
import contextlib
import re
from collections.abc import Iterator
from pickle import UnpicklingError
from typing import Any

import numpy as np
import torch

_SAFE_DTYPE = re.compile(r'(b1|[iu][1248]|f[248]|c8|c16|[US]\d+)')


class StoredDtype:
    """``numpy.dtype`` of plain numbers and strings."""

    def __init__(self, code: str, align: bool = False,
                 copy: bool = False) -> None:
        if not isinstance(code, str) or not _SAFE_DTYPE.fullmatch(code):
            raise UnpicklingError(f'numpy.dtype {code!r} is not a number')
        self.dtype = np.dtype(code)

    def __setstate__(self, state: tuple) -> None:
        if state[1] in ('<', '>'):
            self.dtype = self.dtype.newbyteorder(state[1])


class StoredArray:
    """``numpy.ndarray``; :attr:`value` is the array itself."""

    def __setstate__(self, state: tuple) -> None:
        _, shape, dtype, fortran_order, data = state
        self.value = np.frombuffer(_as_bytes(data), _as_dtype(dtype)).reshape(
            shape, order='F' if fortran_order else 'C').copy()


class StoredHistory:
    """``HistoryBuffer`` without the methods it carries in the file."""

    def __setstate__(self, state: dict) -> None:
        self.state = state


class _Method:
    """What ``getattr(HistoryBuffer, name)`` gives: nothing to call."""


def _reconstruct(array_type: Any, *unused: Any) -> StoredArray:
    if array_type is not StoredArray:
        raise UnpicklingError('numpy array of an unknown class')
    return StoredArray()


def _scalar(dtype: StoredDtype, data: bytes) -> Any:
    return np.frombuffer(_as_bytes(data), _as_dtype(dtype))[0].item()


def _getattr(owner: Any, name: str) -> _Method:
    if owner is not StoredHistory:
        raise UnpicklingError(
            f'builtins.getattr of {name!r} on something else than a '
            'HistoryBuffer')
    return _Method()


def _config_dict(*mapping: dict) -> dict:
    return dict(*mapping)


def _as_dtype(value: Any) -> np.dtype:
    if not isinstance(value, StoredDtype):
        raise UnpicklingError('a numpy object without a numpy.dtype')
    return value.dtype


def _as_bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise UnpicklingError('a numpy object without its bytes')
    return value


STAND_INS: list[tuple[Any, str]] = [
    (StoredHistory, 'mmengine.logging.history_buffer.HistoryBuffer'),
    (_config_dict, 'mmengine.config.config.ConfigDict'),
    (_getattr, 'builtins.getattr'),
    (StoredDtype, 'numpy.dtype'),
    (StoredArray, 'numpy.ndarray'),
] + [(function, f'numpy.{package}.multiarray.{name}')
     for package in ('core', '_core')
     for function, name in ((_reconstruct, '_reconstruct'),
                            (_scalar, 'scalar'))]


@contextlib.contextmanager
def stand_ins() -> Iterator[None]:
    """Bind the names of :data:`STAND_INS` for ``torch.load`` calls inside.

    Names that the user allow-listed stay allowed, except those that have a
    stand-in: mixing the real numpy with ours would fail half-way.

    Before PyTorch 2.6 names cannot be bound: files with pickled objects are
    then refused like any other file that needs code.
    """
    from mmengine.utils import digit_version
    from torch import serialization
    if digit_version(torch.__version__) < digit_version('2.6.0'):
        yield
        return
    ours = {name for _, name in STAND_INS}

    def name_of(entry: Any) -> str:
        return entry[1] if isinstance(entry, tuple) else \
            f'{entry.__module__}.{entry.__qualname__}'

    before = serialization.get_safe_globals()
    hidden = [entry for entry in before if name_of(entry) in ours]
    _swap_safe_globals(remove=hidden, add=STAND_INS)
    try:
        yield
    finally:
        _swap_safe_globals(remove=STAND_INS, add=hidden)


def _swap_safe_globals(remove: list, add: list) -> None:
    from torch import serialization
    kept = [g for g in serialization.get_safe_globals() if g not in remove]
    serialization.clear_safe_globals()
    serialization.add_safe_globals(kept + add)


def resolve(value: Any) -> Any:
    """Replace stand-ins in nested containers, in place where possible.

    Histories become ``HistoryBuffer``, arrays become numpy arrays.
    """
    if isinstance(value, StoredArray):
        return value.value
    if isinstance(value, StoredHistory):
        from mmengine.logging import HistoryBuffer
        state = value.state
        return HistoryBuffer(state['_log_history'].value,
                             state['_count_history'].value,
                             state['max_length'])
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(item, torch.Tensor):
                value[key] = resolve(item)
    elif isinstance(value, list):
        value[:] = [resolve(item) for item in value]
    elif isinstance(value, tuple) and type(value) is tuple:
        return tuple(resolve(item) for item in value)
    return value
