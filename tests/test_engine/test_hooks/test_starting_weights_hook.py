"""A run starts from its load_from: fitting, or not at all."""
from collections import OrderedDict
from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.runner.checkpoint import _load_checkpoint_to_model
from torch import nn

from mmxkd.engine.hooks import (
    PartsInitHook,
    StartingWeightsHook,
    StemInitHook,
    TorchvisionWeightsHook,
)
from mmxkd.engine.state_names import use_plain_names
from mmxkd.errors import ConfigError


class Model(nn.Module):

    def __init__(self, channels=3, classes=3):
        super().__init__()
        self.backbone = nn.Sequential(
            OrderedDict(conv1=nn.Conv2d(channels, 4, 3),
                        norm=nn.BatchNorm2d(4)))
        self.head = nn.Linear(4, classes)


def start(model, checkpoint, *hooks, resume=False, training=True):
    """As mmengine does: the hooks, then what they left."""
    wrapper = dict(type='SGD')
    if training:
        wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), 0.1))
    runner = SimpleNamespace(model=model, optim_wrapper=wrapper,
                             _resume=resume, _load_from='start.pth')
    if not any(isinstance(hook, StartingWeightsHook) for hook in hooks):
        hooks += (StartingWeightsHook(), )
    for hook in hooks:
        hook.after_load_checkpoint(runner, checkpoint)
    _load_checkpoint_to_model(model, checkpoint)
    return model.state_dict()


def checkpoint_of(model, prefix=''):
    return dict(state_dict=OrderedDict(
        (prefix + k, v.clone()) for k, v in model.state_dict().items()))


@pytest.fixture
def source():
    torch.manual_seed(1)
    return Model()


def test_names_that_nobody_has_converted(source):
    model = Model()
    before = checkpoint_of(model)['state_dict']
    with pytest.raises(ConfigError) as caught:
        start(model, checkpoint_of(source, 'ssd.'))
    text = str(caught.value)
    assert 'load_from has no weight of the model' in text
    assert 'start.pth: 0 weights match, 8 missing, 9 unexpected' in text
    assert "9 weights match without the prefix 'ssd.'" in text
    assert 'tools/model_converters' in text and "'checkpoint'" not in text
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_another_shape_is_refused_and_fresh_layers_are_named(source):
    with pytest.raises(ConfigError) as caught:
        start(Model(classes=5), checkpoint_of(source))
    text = str(caught.value)
    assert '2 of another shape' in text
    assert 'head.weight (3, 4) in the file, (5, 4) in the model' in text
    assert "fresh=['head'])]" in text
    found = Model(classes=5)
    before = found.head.weight.clone()
    state = start(found, checkpoint_of(source), StartingWeightsHook(['head']))
    assert torch.equal(state['head.weight'], before)
    assert torch.equal(state['backbone.conv1.weight'],
                       source.backbone.conv1.weight)


def test_what_the_file_lacks_is_new(source):
    checkpoint = checkpoint_of(source)
    for name in ('head.weight', 'head.bias'):
        del checkpoint['state_dict'][name]
    checkpoint['state_dict']['extra'] = torch.ones(2)
    state = start(Model(), checkpoint)
    assert torch.equal(state['backbone.norm.weight'],
                       source.backbone.norm.weight)


@pytest.mark.parametrize('fresh', ['head', 'module.head'])
def test_fresh_layers_that_would_fit(source, fresh):
    """They start as the config says; DDP's prefix does not matter."""
    prefix = fresh.rpartition('head')[0]
    model = Model()
    before = model.head.weight.clone()
    state = start(model, checkpoint_of(source, prefix),
                  StartingWeightsHook(['head']))
    assert torch.equal(state['head.weight'], before)
    assert torch.equal(state['backbone.conv1.weight'],
                       source.backbone.conv1.weight)


@pytest.mark.parametrize('mode, channels, given', [
    ('parity', 5, 3),
    ('keep', 3, 3),
    ('inflate', 5, 3),
    ('truncate', 3, 5),
])
def test_the_stem_is_fitted_before(mode, channels, given):
    torch.manual_seed(1)
    source = Model(given)
    state = start(Model(channels, classes=7), checkpoint_of(source),
                  StemInitHook(mode, fresh=['head']))
    assert torch.equal(state['backbone.conv1.bias'],
                       source.backbone.conv1.bias) == (mode != 'parity')
    common = min(channels, given)
    assert torch.equal(
        state['backbone.conv1.weight'][:, :common],
        source.backbone.conv1.weight[:, :common]) == (mode != 'parity')
    assert torch.equal(state['backbone.norm.running_var'],
                       source.backbone.norm.running_var)


def test_parts_are_taken_before(source):
    state = start(Model(classes=7), checkpoint_of(source), PartsInitHook())
    assert torch.equal(state['backbone.conv1.weight'],
                       source.backbone.conv1.weight)


def test_names_of_torchvision_are_changed_before():
    model = nn.Module()
    model.backbone = nn.Module()
    model.backbone.conv1 = nn.Conv2d(3, 4, 3)
    weight = torch.randn(4, 3, 3, 3)
    state = start(model, {'backbone.body.conv1.weight': weight.clone()},
                  TorchvisionWeightsHook())
    assert torch.equal(state['backbone.conv1.weight'], weight)


@pytest.mark.parametrize('prefix', ['', 'student.'])
def test_the_student_of_a_distillation(source, prefix):
    algorithm = nn.Module()
    algorithm.student = Model()
    use_plain_names(algorithm)
    state = start(algorithm, checkpoint_of(source, prefix))
    assert torch.equal(state['head.weight'], source.head.weight)
    algorithm.student = Model(classes=4)
    with pytest.raises(ConfigError, match='head.weight .3, 4. in the file'):
        start(algorithm, checkpoint_of(source, prefix))


@pytest.mark.parametrize('options', [
    dict(resume=True),
    dict(training=False),
])
def test_resumed_and_tested_runs_are_not_looked_at(source, options):
    """Others check those."""
    start(Model(), checkpoint_of(source, 'ssd.'), **options)


def test_names_that_cannot_be(source):
    with pytest.raises(ConfigError, match='expected names of layers'):
        StartingWeightsHook('head')
    with pytest.raises(ConfigError,
                       match="has no 'heat'; did you mean 'head'"):
        start(Model(), checkpoint_of(source), StartingWeightsHook(['heat']))


def test_it_comes_after_those_that_change_the_file():
    from mmengine.runner import get_priority
    last = get_priority(StartingWeightsHook.priority)
    for hook in (StemInitHook, PartsInitHook, TorchvisionWeightsHook):
        assert get_priority(hook.priority) < last
