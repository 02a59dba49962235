"""Records are taken apart and put together as they were."""
import json

import pytest
import torch

from mmxkd.recording.packing import pack, stored, take, unpack
from mmxkd.recording.recorders import RecordError


def test_a_record_comes_back_as_it_was():
    record = (torch.ones(2), [torch.zeros(1), None,
                              'x'], dict(a=(1.5, True), b=torch.arange(3)), ())
    tensors = []
    skeleton = json.loads(json.dumps(pack(record, tensors, 'big:neck')))
    assert len(tensors) == 3
    found = unpack(skeleton, tensors)
    assert isinstance(found, tuple) and isinstance(found[1], list)
    assert found[0] is record[0] and found[1][1:] == [None, 'x']
    assert found[2]['a'] == (1.5, True) and found[2]['b'] is record[2]['b']
    assert found[3] == ()


@pytest.mark.parametrize('value', [{1: torch.ones(1)}, [object()]])
def test_what_cannot_be_kept(value):
    with pytest.raises(RecordError, match='big:neck holds a '):
        pack(value, [], 'big:neck')


def test_frames_of_a_batch():
    batch = dict(img=torch.arange(6).reshape(3, 2), points=['a', 'b', 'c'])
    found = take(batch, [2, 0], 3, 'input')
    assert found['img'].tolist() == [[4, 5], [0, 1]]
    assert found['points'] == ['c', 'a']
    with pytest.raises(RecordError, match='input.voxels of a batch of 3 '):
        take(dict(voxels=torch.ones(5, 2)), [0], 3, 'input')


def test_numbers_that_do_not_fit():
    assert stored(torch.tensor([1.0]), torch.float16,
                  'x').dtype == (torch.float16)
    assert stored(torch.tensor([2**40]), torch.float16,
                  'x').tolist() == [2**40]
    with pytest.raises(
            RecordError, match='x holds 1e.05, which is too large '
            'for float16'):
        stored(torch.tensor([1., -1e5]), torch.float16, 'x')
    with pytest.raises(RecordError, match='x holds a value that is not fin'):
        stored(torch.tensor([float('nan')]), torch.float32, 'x')
