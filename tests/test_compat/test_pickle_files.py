import collections
import pickle  # noqa: S403 - the tests make hostile files

import mmengine
import numpy as np
import pytest
import torch

import mmxkd  # noqa: F401
from mmxkd.errors import CheckpointError

CONTENT = dict(boxes=np.arange(6, dtype=np.float32).reshape(2, 3),
               columns=np.asfortranarray(np.arange(6).reshape(2, 3)),
               names=np.array(['car', 'é']), mask=np.array([True, False]),
               tensor=torch.arange(3), half=torch.ones(2,
                                                       dtype=torch.bfloat16),
               words=[1, 2.5, 'é', b'\xff', None, True, (1, (2, ))],
               kinds={1, 2}, order=collections.OrderedDict(a=1),
               point=np.float64(0.5))


def same(a, b):
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    return type(a) is type(b) and a == b or a == b == 0.5


@pytest.mark.parametrize('protocol', range(6))
def test_numbers_arrays_and_tensors_are_read(tmp_path, protocol):
    path = tmp_path / 'a.pkl'
    path.write_bytes(pickle.dumps(CONTENT, protocol))
    read = mmengine.load(path)
    assert read.keys() == CONTENT.keys()
    assert all(same(CONTENT[key], read[key]) for key in CONTENT)
    # What mmengine itself writes.
    mmengine.dump(CONTENT, tmp_path / 'b.pkl')
    read = mmengine.load(tmp_path / 'b.pkl')
    assert all(same(CONTENT[key], read[key]) for key in CONTENT)


def test_an_object_is_refused_by_name(tmp_path):
    path = tmp_path / 'a.pkl'
    path.write_bytes(pickle.dumps([collections.Counter('a')]))
    with pytest.raises(CheckpointError) as error:
        mmengine.load(path)
    assert str(error.value).startswith(
        f'{path}: refused: reading it would run `collections.Counter`.')


@pytest.mark.parametrize('cut', [0, 1, 0.5, 0.99])
def test_a_damaged_file_is_named(tmp_path, cut):
    path, whole = tmp_path / 'a.pkl', pickle.dumps(CONTENT)
    size = int(cut * len(whole)) if isinstance(cut, float) else cut
    path.write_bytes(whole[:size])
    with pytest.raises(CheckpointError, match=r'a\.pkl: '):
        mmengine.load(path)
