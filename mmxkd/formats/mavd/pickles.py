"""Pickled arrays of numbers, read opcode by opcode and never unpickled.

A pickle is a program. This file walks through it with a machine that knows
the few steps that a numpy array of numbers needs: there is nothing in it that
could be called. ``numpy.ndarray`` and the like are words that it compares.

Source: the method's additions, section C; the rest from ``pickletools.dis``.
"""
import io
import math
import pickletools
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from mmxkd.errors import CorruptSampleError
from mmxkd.io.text import read_bytes

MODALITY = 'spectrogram'
# A published file has 55 kB and about 60 opcodes.
MAX_BYTES = 2**24
_MAX_OPCODES = 500
_MAX_DIMENSIONS = 8
_DTYPES = frozenset(kind + size for kind in 'fiu' for size in '1248') - {'f1'}
_CORES = ('numpy.core.', 'numpy._core.')
_RECONSTRUCT = tuple(c + 'multiarray _reconstruct' for c in _CORES)
_FROMBUFFER = tuple(c + 'numeric _frombuffer' for c in _CORES)
_NDARRAY, _DTYPE, _ENCODE = 'numpy ndarray', 'numpy dtype', '_codecs encode'
_NAMES = frozenset((*_RECONSTRUCT, *_FROMBUFFER, _NDARRAY, _DTYPE, _ENCODE))
# What only puts a value on the stack; pickletools has read it already.
_VALUES = frozenset(
    ('BININT', 'BININT1', 'BININT2', 'INT', 'LONG', 'LONG1', 'BINBYTES',
     'SHORT_BINBYTES', 'BINBYTES8', 'BYTEARRAY8', 'UNICODE', 'BINUNICODE',
     'SHORT_BINUNICODE', 'STRING', 'BINSTRING', 'SHORT_BINSTRING'))
_CONSTANTS = {'NONE': None, 'NEWTRUE': True, 'NEWFALSE': False}
_TUPLES = {'EMPTY_TUPLE': 0, 'TUPLE1': 1, 'TUPLE2': 2, 'TUPLE3': 3}
# What a dtype of numbers has beside its byte order.
_DTYPE_STATE = (None, None, None, -1, -1, 0)


class _RefusedError(ValueError):
    """An opcode that an array of numbers does not need."""


@dataclass(frozen=True)
class _Name:
    """What a pickle calls: ``module name``."""

    full: str


@dataclass
class _Dtype:
    """A type of numbers, and how its bytes are ordered."""

    code: str
    # Numbers of one byte have none; others always say it.
    order: str = '<'


@dataclass
class _Array:
    """An array, before and after its content is known."""

    value: np.ndarray | None = None


_MARK = object()


def read_pickled_array(path: str | PathLike) -> np.ndarray:
    """The array of numbers that a pickle holds; nothing is executed.

    Protocols 0 to 5, as numpy 1 and 2 and Python 2 and 3 write them.

    Args:
        path (str | PathLike): The file.

    Returns:
        np.ndarray: Floats or integers, in the byte order of this machine.

    Raises:
        CorruptSampleError: The file is missing, larger than
            :data:`MAX_BYTES`, cut off, or does anything but make one array
            of numbers whose size is that of its bytes; says what.
    """
    path = Path(path)
    if path.is_file() and path.stat().st_size > MAX_BYTES:
        raise CorruptSampleError(
            path, MODALITY, f'has {path.stat().st_size} bytes, more than the '
            f'{MAX_BYTES} that are read')
    content = read_bytes(path, MODALITY)
    try:
        return array_of(content)
    except _RefusedError as error:
        raise CorruptSampleError(
            path, MODALITY, f'is refused, and nothing in it was executed: '
            f'{error}') from error
    except ValueError as error:
        # Of pickletools: what it cannot read. No value of the file is shown.
        raise CorruptSampleError(
            path, MODALITY,
            f'is not a whole pickle: {error!s:.200}') from error


def array_of(content: bytes) -> np.ndarray:
    """As :func:`read_pickled_array`, of the bytes of a file.

    Raises:
        ValueError: They are not such a pickle.

    Examples:
        >>> import numpy as np, pickle
        >>> array_of(pickle.dumps(np.arange(3.)))
        array([0., 1., 2.])
    """
    file = io.BytesIO(content)
    machine = _Machine()
    for number, (opcode, argument) in enumerate(_opcodes(file)):
        if number >= _MAX_OPCODES:
            raise _RefusedError(f'it has more than {_MAX_OPCODES} opcodes')
        machine.step(opcode, argument)
    if file.tell() != len(content):
        raise _RefusedError(f'{len(content) - file.tell()} bytes follow its '
                            'end')
    return machine.result()


def _opcodes(file: io.BytesIO) -> Iterator[tuple[str, Any]]:
    for opcode, argument, _ in pickletools.genops(file):
        yield opcode.name, argument


class _Machine:
    """The stack of a pickle, for arrays of numbers alone."""

    def __init__(self) -> None:
        self._stack: list[Any] = []
        self._memo: dict[int, Any] = {}

    def result(self) -> np.ndarray:
        """What is left on the stack at the end."""
        if len(self._stack) != 1 or not isinstance(self._stack[0], _Array):
            raise _RefusedError('it does not hold one array')
        value = self._stack[0].value
        if value is None:
            raise _RefusedError('its array has no content')
        return value

    def step(self, name: str, argument: Any) -> None:
        """Do what one opcode says, or refuse it."""
        if name in ('PROTO', 'FRAME', 'STOP'):
            return
        if name in _VALUES:
            self._stack.append(argument)
        elif name in _CONSTANTS:
            self._stack.append(_CONSTANTS[name])
        elif name == 'MARK':
            self._stack.append(_MARK)
        elif name == 'TUPLE':
            self._stack.append(self._to_mark())
        elif name in _TUPLES:
            self._stack.append(self._pop(_TUPLES[name]))
        elif name in ('MEMOIZE', 'PUT', 'BINPUT', 'LONG_BINPUT'):
            (top, ) = self._pop(1)
            self._memo[len(self._memo) if argument is None else argument] = top
            self._stack.append(top)
        elif name in ('GET', 'BINGET', 'LONG_BINGET'):
            if argument not in self._memo:
                raise _RefusedError('it takes what it has not stored')
            self._stack.append(self._memo[argument])
        elif name == 'GLOBAL':
            self._name(argument)
        elif name == 'STACK_GLOBAL':
            module, attribute = self._pop(2)
            if type(module) is not str or type(attribute) is not str:
                raise _RefusedError('it calls what has no name')
            self._name(f'{module} {attribute}')
        elif name == 'REDUCE':
            self._reduce(*self._pop(2))
        elif name == 'BUILD':
            self._build(*self._pop(2))
        else:
            raise _RefusedError(f'it has the opcode {name}, which an array '
                                'of numbers does not need')

    def _pop(self, count: int) -> tuple:
        values = tuple(self._stack[len(self._stack) - count:])
        if len(values) < count or any(value is _MARK for value in values):
            raise _RefusedError('its stack is too short')
        del self._stack[len(self._stack) - count:]
        return values

    def _to_mark(self) -> tuple:
        for index in reversed(range(len(self._stack))):
            if self._stack[index] is _MARK:
                values = tuple(self._stack[index + 1:])
                del self._stack[index:]
                return values
        raise _RefusedError('its stack has no mark')

    def _name(self, full: str) -> None:
        if full not in _NAMES:
            shown = full.replace(' ', '.')
            raise _RefusedError(f'reading it would need {shown!r:.100}')
        self._stack.append(_Name(full))

    def _reduce(self, called: Any, arguments: Any) -> None:
        full = called.full if isinstance(called, _Name) else ''
        if type(arguments) is not tuple:
            raise _RefusedError('it calls without arguments')
        if full == _ENCODE:
            self._stack.append(_encoded(*_exactly(2, arguments, full)))
        elif full == _DTYPE:
            self._stack.append(_dtype(*_exactly(3, arguments, full)))
        elif full in _RECONSTRUCT:
            kind, shape, code = _exactly(3, arguments, full)
            if (kind != _Name(_NDARRAY) or shape != (0, )
                    or code not in (b'b', 'b')):
                raise _RefusedError('it makes another thing than an array')
            self._stack.append(_Array())
        elif full in _FROMBUFFER:
            data, dtype, shape, order = _exactly(4, arguments, full)
            if order not in ('C', 'F'):
                raise _RefusedError('its array has an unknown order')
            self._stack.append(
                _Array(_filled(shape, dtype, order == 'F', data)))
        else:
            raise _RefusedError(f'it calls {full.replace(" ", ".")!r}')

    def _build(self, target: Any, state: Any) -> None:
        if type(state) is not tuple:
            raise _RefusedError('it sets a state that is not a tuple')
        if isinstance(target, _Dtype):
            version, order, *rest = _exactly(8, state, 'a type')
            if (version != 3 or order not in ('<', '>', '|')
                    or tuple(rest) != _DTYPE_STATE):
                raise _RefusedError('its type is not one of plain numbers')
            target.order = order
        elif isinstance(target, _Array) and target.value is None:
            version, shape, dtype, fortran, data = _exactly(
                5, state, 'an array')
            if version != 1 or fortran not in (0, 1):
                raise _RefusedError('the state of its array is unknown')
            target.value = _filled(shape, dtype, bool(fortran), data)
        else:
            raise _RefusedError('it sets the state of what has none')
        self._stack.append(target)


def _exactly(count: int, values: tuple, of: str) -> tuple:
    if len(values) != count:
        raise _RefusedError(f'{of.replace(" ", ".")} has {len(values)} '
                            f'arguments, expected {count}')
    return values


def _encoded(text: Any, encoding: Any) -> bytes:
    """Bytes as protocols before 3 hold them."""
    if type(text) is not str or encoding != 'latin1':
        raise _RefusedError('it encodes another thing than bytes')
    return _latin1(text)


def _latin1(text: str) -> bytes:
    try:
        return text.encode('latin1')
    except UnicodeEncodeError:
        raise _RefusedError('its bytes are not bytes') from None


def _dtype(code: Any, align: Any, copy: Any) -> _Dtype:
    if type(code) is not str or code not in _DTYPES:
        shown = repr(code)[:20] if type(code) is str else type(code).__name__
        raise _RefusedError(f'its values are of the type {shown}, expected '
                            'numbers')
    if align not in (0, 1) or copy not in (0, 1):
        raise _RefusedError('its type has unknown arguments')
    return _Dtype(code)


def _filled(shape: Any, dtype: Any, fortran: bool, data: Any) -> np.ndarray:
    """An array over the bytes, whose number must be that of the shape."""
    # Python 2 wrote bytes as text.
    if type(data) is str:
        data = _latin1(data)
    if not isinstance(dtype, _Dtype) or type(data) not in (bytes, bytearray):
        raise _RefusedError('its array has no bytes, or no type of numbers; '
                            'an array of objects is not read')
    if (type(shape) is not tuple or len(shape) > _MAX_DIMENSIONS or any(
            type(n) is not int or not 0 <= n <= MAX_BYTES for n in shape)):
        raise _RefusedError('its array has no shape')
    kind = np.dtype(dtype.code)
    # Python's integers: no shape is too large for this product.
    wanted = math.prod(shape) * kind.itemsize
    if wanted != len(data):
        raise _RefusedError(f'its array has {len(data)} bytes, but its shape '
                            f'needs {wanted}')
    order = '>' if dtype.order == '>' else '<'
    stored = np.frombuffer(data, f'{order}{dtype.code}')
    # A copy: in this machine's order, writable, and without the pickle.
    return stored.astype(kind).reshape(shape, order='F' if fortran else 'C')
