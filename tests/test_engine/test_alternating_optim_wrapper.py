"""The discriminators' optimizer steps in their own turns only."""
from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from torch import nn

from mmxkd.engine.hooks import FiniteGuardHook
from mmxkd.engine.optim import (
    AlternatingOptimWrapper,
    AlternatingOptimWrapperConstructor,
)
from mmxkd.errors import ConfigError, NonFiniteLossError
from mmxkd.losses import AdversarialFeatureLoss


class Progress:

    def __init__(self, iteration: int) -> None:
        self.iter = iteration


class Pair(nn.Module):
    """A student of one convolution, and an adversarial loss on it."""

    def __init__(self, mode: str = 'alternate') -> None:
        super().__init__()
        torch.manual_seed(0)
        self.student = nn.Conv2d(3, 4, 1)
        self.distiller = nn.ModuleDict(
            dict(
                connector=nn.Conv2d(4, 4, 1),
                loss=AdversarialFeatureLoss(in_channels=4, num_levels=1,
                                            mode=mode, channels=3, hidden=5,
                                            level_cfgs=[dict(grid=(2, 3))])))

    def total(self, iteration: int) -> torch.Tensor:
        image = torch.linspace(-1, 1, 72).reshape(1, 3, 4, 6)
        feature = self.distiller['connector'](self.student(image))
        own = feature.square().mean()
        return own + self.distiller['loss'](feature, torch.ones_like(feature),
                                            progress=Progress(iteration))


def _build(model: nn.Module, **extra):
    cfg = dict(constructor='mmxkd.AlternatingOptimWrapperConstructor',
               student=dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9)),
               discriminator=dict(optimizer=dict(type='Adam', lr=0.01)))
    cfg.update(extra)
    return build_optim_wrapper(model, cfg)


def _values(module: nn.Module) -> list:
    return [p.detach().clone() for p in module.parameters()]


def _same(before: list, module: nn.Module) -> bool:
    return all(
        torch.equal(b, p)
        for b, p in zip(before, module.parameters(), strict=True))


def test_each_parameter_has_one_optimizer():
    model = Pair()
    wrapper = _build(model)
    assert isinstance(wrapper, AlternatingOptimWrapper)
    ids = [
        id(p) for name in ('student', 'discriminator')
        for group in wrapper[name].optimizer.param_groups
        for p in group['params']
    ]
    assert sorted(ids) == sorted(id(p) for p in model.parameters())
    assert len(
        wrapper['discriminator'].optimizer.param_groups[0]['params']) == 8
    assert type(wrapper['discriminator'].optimizer).__name__ == 'Adam'


def test_turns():
    model = Pair()
    wrapper = _build(model)
    adversary = model.distiller['loss']
    moved = []
    for iteration in range(4):
        student, others = _values(model.student), _values(adversary)
        with wrapper.optim_context(model):
            loss = model.total(iteration)
        wrapper.update_params(loss)
        moved.append(
            (not _same(student, model.student), not _same(others, adversary)))
    # Momentum of the discriminators' Adam must not move them either.
    assert moved == [(True, True), (True, False), (True, True), (True, False)]


def test_student_is_pushed_towards_the_teacher_in_its_turn():
    model = Pair()
    feature = torch.zeros(1, 4, 4, 6, requires_grad=True)
    adversary = model.distiller['loss']
    for parameter in adversary.parameters():
        parameter.data.abs_()
    adversary(feature, torch.ones(1, 4, 4, 6), progress=Progress(0)).backward()
    assert feature.grad is None
    adversary.zero_grad()
    loss = adversary(feature, torch.ones(1, 4, 4, 6), progress=Progress(1))
    loss.backward()
    # With positive weights a larger feature looks more like the teacher's.
    assert float(feature.grad.sum()) < 0
    assert all(float(p.grad.abs().sum()) == 0 for p in adversary.parameters())


def test_learning_rates_and_state_are_kept_apart():
    model = Pair()
    wrapper = _build(model)
    assert wrapper.get_lr() == {
        'student.lr': [0.1], 'discriminator.lr': [0.01]
    }
    wrapper.update_params(model.total(0))
    other = _build(Pair())
    other.load_state_dict(wrapper.state_dict())
    assert other['discriminator'].optimizer.state_dict(
    )['state'][0]['step'] == 1


def test_accumulated_gradients_step_once():
    model = Pair()
    wrapper = _build(
        model, student=dict(optimizer=dict(type='SGD', lr=0.1),
                            accumulative_counts=2))
    wrapper.initialize_count_status(model, 0, 4)
    adversary = _values(model.distiller['loss'])
    wrapper.update_params(model.total(0))
    assert _same(adversary, model.distiller['loss'])
    wrapper.update_params(model.total(1))
    assert not _same(adversary, model.distiller['loss'])


@pytest.mark.parametrize('extra, message', [
    (dict(studnt=dict()), "did you mean 'student'"),
    (dict(discriminator=dict(type='AmpOptimWrapper', optimizer=dict(
        type='SGD', lr=1.))), 'Bf16OptimWrapper'),
])
def test_bad_config(extra, message, monkeypatch):
    # AmpOptimWrapper itself asserts a GPU.
    monkeypatch.setattr(
        'mmengine.optim.optimizer.amp_optimizer_wrapper.'
        'is_cuda_available', lambda: True)
    with pytest.raises(ConfigError, match=message):
        _build(Pair(), **extra)


@pytest.mark.parametrize('role, lacking', [('student', 'discriminator'),
                                           ('discriminator', 'student')])
def test_both_have_an_optimizer(role, lacking):
    with pytest.raises(ConfigError, match=f'optim_wrapper.{lacking} is miss'):
        AlternatingOptimWrapperConstructor({role: dict()})


@pytest.mark.parametrize('iteration', [0, 1])
def test_a_check_comes_before_the_first_step(iteration):
    model = Pair()
    wrapper = _build(model)
    before = _values(model)
    seen = []

    def check(optimizers):
        seen.append(list(optimizers))
        raise FloatingPointError

    wrapper.before_step = check
    with pytest.raises(FloatingPointError):
        wrapper.update_params(model.total(iteration))
    assert _same(before, model)
    turns = ['student', 'discriminator'][:2 - iteration]
    assert seen == [[wrapper[name].optimizer for name in turns]]


@pytest.mark.parametrize('clip', [None, dict(max_norm=1.)])
def test_a_spoiled_discriminator_leaves_the_student_as_it_was(clip):
    """The error says that the step was not taken."""
    model = Pair()
    wrapper = _build(
        model, student=dict(optimizer=dict(type='SGD', lr=0.1),
                            clip_grad=clip),
        discriminator=dict(optimizer=dict(type='Adam', lr=0.1),
                           clip_grad=clip))
    runner = SimpleNamespace(model=model, optim_wrapper=wrapper, iter=7)
    guard = FiniteGuardHook()
    guard.before_train(runner)
    name, weight = list(model.distiller['loss'].named_parameters())[0]
    handle = weight.register_hook(lambda gradient: gradient * float('inf'))
    before = _values(model)
    with pytest.raises(
            NonFiniteLossError,
            match=f'iteration 7: gradient of distiller.loss.{name} '
            r'= \w+; the step was not taken'):
        wrapper.update_params(model.total(0))
    assert _same(before, model)
    handle.remove()
    wrapper.zero_grad()
    wrapper.update_params(model.total(1))
    assert not _same(before, model)
    guard.after_train(runner)
    assert wrapper.before_step is None


def test_needs_an_alternating_loss():
    with pytest.raises(ConfigError, match="mode='alternate'"):
        _build(Pair(mode='reversal'))
