"""Whether a loss can teach through what was recorded."""
import pytest
import torch

from mmxkd.recording.gradients import check_gradient
from mmxkd.recording.recorders import RecordError


def test_whole_numbers_need_no_gradient():
    learns = torch.zeros(2, requires_grad=True) * 2
    check_gradient(
        [learns, dict(labels=torch.zeros(2, dtype=torch.int64))],
        'loss: student:neck')


def test_a_frozen_tensor_is_named():
    learns = torch.zeros(2, requires_grad=True) * 2
    with pytest.raises(
            RecordError, match=r'^loss: student:neck carries no gradient '
            r'\(tensors \[1\] of it\)'):
        check_gradient((learns, torch.zeros(2)), 'loss: student:neck')
