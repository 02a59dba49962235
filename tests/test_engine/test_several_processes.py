"""What a loss needs where several processes train one model."""
import pytest
import torch
from torch import nn

from mmxkd.engine.several_processes import (
    check_no_collective,
    zero_of_parameters,
)
from mmxkd.errors import ConfigError


def test_a_zero_that_reaches_each_parameter_that_learns():
    learns, frozen = nn.Linear(2, 1), nn.Linear(2, 1).requires_grad_(False)
    zero = zero_of_parameters([learns, frozen], torch.ones((), dtype=float))
    assert zero == 0 and zero.dtype == torch.float64
    zero.backward()
    assert all((p.grad == 0).all() for p in learns.parameters())
    assert all(p.grad is None for p in frozen.parameters())


def test_a_loss_without_parameters():
    assert not zero_of_parameters([nn.ReLU()], torch.ones(())).requires_grad


def test_a_synchronised_norm_is_named():
    check_no_collective([nn.BatchNorm2d(2)], 'loss')
    with pytest.raises(
            ConfigError, match='^loss: its 1 is a SyncBatchNorm, which would '
            'wait for processes without such frames'):
        check_no_collective([nn.Sequential(nn.ReLU(), nn.SyncBatchNorm(2))],
                            'loss')
