import re

import pytest
import torch
from mmengine.model import MMDistributedDataParallel
from torch import nn

from mmxkd.errors import ConfigError


@pytest.fixture
def process_group(tmp_path):
    torch.distributed.init_process_group(
        'gloo', rank=0, world_size=1, init_method=f'file://{tmp_path}/store')
    yield
    torch.distributed.destroy_process_group()


def network():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 3))


def gradients_of(model):
    torch.manual_seed(0)
    model(torch.randn(2, 3, 8, 8)).square().sum().backward()
    return [weight.grad for weight in model.parameters()]


def test_a_weight_that_is_laid_out_later_is_named(process_group):
    model = network()
    wrapped = MMDistributedDataParallel(model)
    weight = model[1].weight
    weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    with pytest.raises(
            ConfigError, match=re.escape(
                '1 weights, the first of them 1.weight, were laid out')):
        gradients_of(wrapped)
    # No gradient is read where there is none to learn from.
    assert wrapped.eval()(torch.ones(1, 3, 8, 8)).shape == (1, 2, 4, 4)


def test_one_that_was_laid_out_before_is_learned(process_group):
    alone = network().to(memory_format=torch.channels_last)
    model = network().to(memory_format=torch.channels_last)
    model.load_state_dict(alone.state_dict())
    found = gradients_of(MMDistributedDataParallel(model))
    for one, other in zip(gradients_of(alone), found, strict=True):
        torch.testing.assert_close(one, other)
