"""Parts of a model that start from another one: whole, or refused."""
from collections import OrderedDict
from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import OptimWrapper
from mmengine.runner.checkpoint import _load_checkpoint_to_model
from torch import nn

from mmxkd.engine.hooks import PartsInitHook
from mmxkd.engine.state_names import use_plain_names
from mmxkd.errors import ConfigError


class Model(nn.Module):

    def __init__(self, channels=8, outputs=3, more=False):
        super().__init__()
        self.backbone = nn.Sequential(
            OrderedDict(stem=nn.Conv2d(channels, 4, 3), norm=nn.BatchNorm2d(4),
                        **(dict(last=nn.Conv2d(4, 4, 1)) if more else {})))
        self.head = nn.Linear(4, outputs)


def make_runner(model, resume=False, training=True, load_from='counter.pth'):
    wrapper = dict(type='SGD')
    if training:
        wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), 0.1))
    return SimpleNamespace(model=model, optim_wrapper=wrapper, _resume=resume,
                           _load_from=load_from)


def checkpoint_of(model):
    return dict(state_dict=OrderedDict(
        (k, v.clone()) for k, v in model.state_dict().items()))


def load(hook, runner, checkpoint):
    """As mmengine does: the hook, then what it left."""
    hook.after_load_checkpoint(runner, checkpoint)
    _load_checkpoint_to_model(runner.model, checkpoint)
    hook.before_train(runner)


@pytest.fixture
def source():
    torch.manual_seed(1)
    model = Model()
    model.backbone.norm.running_mean += 5
    return model


@pytest.mark.parametrize('outputs', [3, 7])
def test_the_part_is_taken_and_nothing_else(source, outputs):
    """Not the head either, which would fit."""
    torch.manual_seed(2)
    model = Model(outputs=outputs)
    before = model.head.weight.clone()
    load(PartsInitHook(), make_runner(model), checkpoint_of(source))
    for name, value in source.backbone.state_dict().items():
        assert torch.equal(model.backbone.state_dict()[name], value), name
    assert torch.equal(model.head.weight, before)


def test_several_parts_and_parts_of_parts(source):
    torch.manual_seed(2)
    model = Model()
    before = model.backbone.norm.running_mean.clone()
    load(PartsInitHook(['backbone.stem', 'head']), make_runner(model),
         checkpoint_of(source))
    assert torch.equal(model.backbone.stem.weight, source.backbone.stem.weight)
    assert torch.equal(model.head.bias, source.head.bias)
    assert torch.equal(model.backbone.norm.running_mean, before)


@pytest.mark.parametrize('form', ['bare', 'wrapped'])
def test_other_forms_of_a_checkpoint(source, form):
    checkpoint = checkpoint_of(source)
    if form == 'bare':
        checkpoint = checkpoint['state_dict']
    else:
        checkpoint['state_dict'] = OrderedDict(
            (f'module.{k}', v) for k, v in checkpoint['state_dict'].items())
    torch.manual_seed(2)
    model = Model()
    load(PartsInitHook(), make_runner(model), checkpoint)
    assert torch.equal(model.backbone.stem.weight, source.backbone.stem.weight)


def test_student_of_a_distillation(source):
    """It goes by the names of the plain student."""
    torch.manual_seed(2)
    algorithm = nn.Module()
    algorithm.student = Model(outputs=9)
    use_plain_names(algorithm)
    load(PartsInitHook(), make_runner(algorithm), checkpoint_of(source))
    assert torch.equal(algorithm.student.backbone.stem.weight,
                       source.backbone.stem.weight)
    assert algorithm.student.head.weight.shape == (9, 4)


@pytest.mark.parametrize('model, other, message', [
    (Model(channels=24), Model(),
     r"'backbone' .*do not fit.\ncounter.pth: .*1 of another shape\n  "
     r'mismatched: backbone.stem.weight \(4, 8, 3, 3\) in the file, '
     r'\(4, 24, 3, 3\) in the model'),
    (Model(more=True), Model(), 'missing: backbone.last.weight'),
    (Model(), Model(more=True), 'unexpected: backbone.last.weight'),
])
def test_a_part_that_does_not_fit_is_refused(model, other, message):
    before = model.backbone.stem.weight.clone()
    with pytest.raises(ConfigError, match=message):
        load(PartsInitHook(), make_runner(model), checkpoint_of(other))
    assert torch.equal(model.backbone.stem.weight, before)


def test_parts_that_there_are_not(source):
    with pytest.raises(
            ConfigError, match="the model has no weights of "
            "'backbon'; did you mean 'backbone'"):
        load(PartsInitHook(['backbon']), make_runner(Model()),
             checkpoint_of(source))
    model = Model()
    model.neck = nn.Linear(1, 1)
    with pytest.raises(ConfigError, match="counter.pth has no weights of "
                       "'neck'"):
        load(PartsInitHook(['neck']), make_runner(model),
             checkpoint_of(source))
    with pytest.raises(ConfigError, match="did you mean 'backbone.stem'"):
        load(PartsInitHook(['backbone.sten']), make_runner(Model()),
             checkpoint_of(source))


@pytest.mark.parametrize('options', [
    dict(resume=True),
    dict(training=False),
])
def test_resumed_and_tested_runs_take_all(source, options):
    model = Model()
    load(PartsInitHook(), make_runner(model, **options), checkpoint_of(source))
    for name, value in source.state_dict().items():
        assert torch.equal(model.state_dict()[name], value), name


def test_a_run_that_starts_from_nothing_is_refused():
    runner = make_runner(Model(), load_from=None)
    with pytest.raises(ConfigError, match='load_from names none'):
        PartsInitHook().before_train(runner)


@pytest.mark.parametrize('parts', ['backbone', []])
def test_names_that_cannot_be(parts):
    with pytest.raises(ConfigError, match='expected names of modules'):
        PartsInitHook(parts)
