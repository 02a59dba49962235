import enum
import io
from collections import Counter, OrderedDict, deque, namedtuple
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer

from mmxkd.compat.plain import to_history, to_plain

Point = namedtuple('Point', 'x y')


class Colour(enum.Enum):
    RED = 'red'


@pytest.mark.parametrize('value, expected', [
    (np.float32(0.5), 0.5),
    (np.bool_(True), True),
    (np.str_('a'), 'a'),
    (deque([1, 2]), [1, 2]),
    (Point(1, np.int64(2)), (1, 2)),
    (frozenset({1}), {1}),
    (ConfigDict(a=ConfigDict(b=1)), {'a': {'b': 1}}),
    (Counter('aab'), Counter('aab')),
    (Colour.RED, 'red'),
    (Path('a/b'), 'a/b'),
    (np.array(['x', 'y']), ['x', 'y']),
    ({np.int64(3): [np.float64(1)]}, {3: [1.0]}),
    ((None, True, 1, 2.5, 1j, 'a', b'b'), (None, True, 1, 2.5, 1j, 'a', b'b')),
])
def test_becomes_plain_and_loads_without_allow_list(value, expected):
    plain = to_plain(value)
    assert plain == expected and type(plain) is type(expected)
    file = io.BytesIO()
    torch.save(plain, file)
    file.seek(0)
    assert torch.load(file, weights_only=True) == expected


@pytest.mark.parametrize('dtype', ['bool', '>i4', 'uint8', 'float16', 'c8'])
def test_array_keeps_shape_dtype_and_values(dtype):
    array = np.arange(6).reshape(2, 3).T.astype(dtype)
    plain = to_plain(array)
    assert plain.shape == (3, 2)
    np.testing.assert_array_equal(plain.numpy(), array)
    assert plain.numpy().dtype == array.dtype.newbyteorder('=')


def test_state_dict_keeps_its_metadata():
    state = torch.nn.BatchNorm2d(2).state_dict()
    plain = to_plain(state)
    assert type(plain) is OrderedDict
    assert plain._metadata == state._metadata
    assert plain['weight'] is state['weight']


def test_history_round_trip_is_exact():
    buffer = HistoryBuffer([0.1, 1 / 3], [1, 2], max_length=7)
    back = to_history(to_plain(buffer))
    assert isinstance(back, HistoryBuffer) and back.max_length == 7
    for ours, stock in zip(back.data, buffer.data, strict=True):
        assert ours.dtype == stock.dtype
        np.testing.assert_array_equal(ours, stock)
    assert back.statistics('mean') == buffer.mean()
    assert to_history(3) == 3


def test_an_object_is_an_error_that_names_its_place():
    with pytest.raises(
            TypeError, match=r'checkpoint\.hub\.runner\[1\] is a '
            'builtins.object'):
        to_plain({'hub': {'runner': [1, object()]}})
