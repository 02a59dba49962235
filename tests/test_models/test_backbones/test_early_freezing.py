"""Frozen stages are so before DDP counts the weights that learn."""
import pytest
import torch
from mmengine.model import MMDistributedDataParallel

from mmxkd.models import (
    EfficientNet,
    PlainVGG,
    SlimSSDVGG,
    TappedMobileNetV2,
)

SMALL = dict(arch='b0', in_channels=2, out_indices=(1, 2))
# What builds it, channels of its input, and the layers that are frozen.
BACKBONES = {
    'vgg': (lambda: PlainVGG(11, frozen_stages=2), 3, ('features.0',
                                                       'features.3')),
    'mobilenet': (lambda: TappedMobileNetV2(0.25, frozen_stages=1), 3,
                  ('conv1', 'layer1')),
    'efficientnet': (lambda: EfficientNet(frozen_stages=2, **SMALL), 2,
                     ('layers.0', 'layers.1')),
}


@pytest.fixture
def process_group(tmp_path):
    torch.distributed.init_process_group(
        'gloo', rank=0, world_size=1, init_method=f'file://{tmp_path}/store')
    yield
    torch.distributed.destroy_process_group()


def frozen(model):
    return {
        name for name, weight in model.named_parameters()
        if not weight.requires_grad
    }


@pytest.mark.parametrize('name', BACKBONES)
def test_they_are_frozen_when_built(name):
    build, _, layers = BACKBONES[name]
    model = build()
    expected = {
        key for key, _ in model.named_parameters()
        if key.startswith(tuple(f'{layer}.' for layer in layers))
    }
    assert expected and frozen(model) == expected
    assert model.train() is model and frozen(model) == expected
    assert model.eval() is model


@pytest.mark.parametrize('name', BACKBONES)
def test_two_steps_of_ddp(process_group, name):
    """The first one that waits for frozen weights fails the second."""
    build, channels, _ = BACKBONES[name]
    torch.manual_seed(0)
    model = build()
    before = {key: value.clone() for key, value in model.named_parameters()}
    # As the runner does: it wraps the model, and train() comes later.
    wrapped = MMDistributedDataParallel(model)
    wrapped.train()
    learner = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(2):
        learner.zero_grad()
        maps = wrapped(torch.randn(2, channels, 64, 64))
        sum(m.square().mean() for m in maps).backward()
        learner.step()
    still = {
        key for key, value in model.named_parameters()
        if torch.equal(value, before[key])
    }
    assert frozen(model) <= still < before.keys()


def test_all_train_unless_the_config_freezes():
    for model in (PlainVGG(11), TappedMobileNetV2(0.25), SlimSSDVGG(16, 0.1),
                  EfficientNet(**SMALL)):
        assert not frozen(model)
        assert model.train(False) is model and not model.training


def test_a_stage_that_there_is_not():
    with pytest.raises(ValueError, match='PlainVGG: frozen_stages=6'):
        PlainVGG(11, frozen_stages=6)
