import pickle  # noqa: S403 - the tests make hostile files

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.logging import HistoryBuffer

from mmxkd.compat.checkpoint_io import read_checkpoint
from mmxkd.compat.stand_ins import stand_ins
from mmxkd.errors import CheckpointError


def save(tmp_path, content):
    path = str(tmp_path / 'stock.pth')
    torch.save(content, path)
    return path


def test_what_stock_mmengine_pickles_is_read_exactly(tmp_path):
    history = HistoryBuffer([0.1, 1 / 3], [1, 2])
    path = save(
        tmp_path,
        dict(state_dict=torch.nn.Linear(2, 1).state_dict(),
             message_hub=dict(log_scalars=dict(loss=history)),
             best=np.float32(1 / 3), step=np.int64(4),
             array=np.asfortranarray(np.arange(6.).reshape(2, 3)),
             big_endian=np.array([1, 2], '>i4'), names=np.array(['a', 'bc']),
             config=ConfigDict(a=1, b=ConfigDict(c=2))))
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path, weights_only=True)
    read = read_checkpoint(path)
    back = read['message_hub']['log_scalars']['loss']
    assert isinstance(back, HistoryBuffer)
    np.testing.assert_array_equal(back.data, history.data)
    assert read['best'] == np.float32(1 / 3) and read['step'] == 4
    assert read['array'].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert read['big_endian'].tolist() == [1, 2]
    assert read['names'].tolist() == ['a', 'bc']
    assert read['config'] == {'a': 1, 'b': {'c': 2}}
    assert list(read['state_dict']) == ['weight', 'bias']


class Reduce:
    """Pickles as a call of ``function(*args)``."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def test_getattr_reaches_nothing_but_a_history_method(tmp_path):
    path = save(tmp_path, Reduce(getattr, 'text', '__class__'))
    with pytest.raises(CheckpointError, match='getattr'):
        read_checkpoint(path)


def test_object_arrays_are_refused(tmp_path):
    path = save(tmp_path, np.array([{'a': 1}], dtype=object))
    with pytest.raises(CheckpointError, match="'O8' is not a number"):
        read_checkpoint(path)


def test_what_the_user_allow_listed_stays_allowed():
    mine = torch.nn.Linear
    with torch.serialization.safe_globals([mine, HistoryBuffer]):
        before = set(torch.serialization.get_safe_globals())
        with stand_ins():
            allowed = torch.serialization.get_safe_globals()
            assert mine in allowed and HistoryBuffer not in allowed
        assert set(torch.serialization.get_safe_globals()) == before
