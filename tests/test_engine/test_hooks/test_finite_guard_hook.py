import re

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.optim import OptimWrapper

from mmxkd.errors import CheckpointError, NonFiniteLossError
from tests.helpers.toys import runner as picture_runner
from tests.helpers.toys import toy

HOOK = [dict(type='mmxkd.FiniteGuardHook')]


def spoil_at(iteration, value):
    return lambda now: torch.tensor(value) if now == iteration else 1.


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_the_step_is_not_taken(toy_runner, value):
    runner = toy_runner(custom_hooks=HOOK)
    before = []

    def spoil(iteration):
        before[:] = [p.detach().clone() for p in runner.model.parameters()]
        return spoil_at(6, value)(iteration)

    runner.model.spoil = spoil
    with pytest.raises(
            NonFiniteLossError, match='iteration 5: loss_b = '
            f'-?{value}; the step was not taken'):
        runner.train()
    for old, new in zip(before, runner.model.parameters(), strict=True):
        assert torch.equal(old, new)


def test_a_spoiled_gradient_is_named_and_not_used(toy_runner):
    runner = toy_runner(custom_hooks=HOOK)
    # Finite, but its gradient at 0 is not.
    runner.model.spoil = lambda now: (runner.model.linear.bias.sum() * 0).sqrt(
    )
    before = runner.model.linear.weight.detach().clone()
    with pytest.raises(NonFiniteLossError,
                       match='gradient of linear.bias = nan'):
        runner.train()
    assert torch.equal(runner.model.linear.weight, before)


class ScaledWrapper(OptimWrapper):
    """What mmengine's ``AmpOptimWrapper`` does on a GPU, with fp16."""

    def __init__(self, **kwargs) -> None:
        super().__init__(**kwargs)
        self.loss_scaler = torch.amp.GradScaler('cpu')

    def backward(self, loss, **kwargs) -> None:
        self.loss_scaler.scale(loss).backward(**kwargs)
        self._inner_count += 1

    def step(self, **kwargs) -> None:
        self.loss_scaler.step(self.optimizer)
        self.loss_scaler.update()


def test_a_scaler_that_skips_every_step_ends_the_run(toy_runner):
    """Some are skipped while it looks for a scale; 4 steps an epoch."""
    runner = toy_runner(epochs=20, custom_hooks=HOOK)
    runner.optim_wrapper = ScaledWrapper(
        optimizer=torch.optim.Adam(runner.model.parameters(), lr=.01))
    bias, skipped = runner.model.linear.bias, range(5, 1000)
    runner.model.spoil = lambda now: ((bias.sum() * 0).sqrt()
                                      if now in skipped else 1.)
    with pytest.raises(
            NonFiniteLossError,
            match=r'iteration 53: gradients of 50 steps in '
            'a row = nan, loss scale = '):
        runner.train()
    runner = toy_runner(epochs=20, custom_hooks=HOOK)
    runner.optim_wrapper = ScaledWrapper(
        optimizer=torch.optim.Adam(runner.model.parameters(), lr=.01))
    bias, skipped = runner.model.linear.bias, range(5, 50)
    runner.model.spoil = lambda now: ((bias.sum() * 0).sqrt()
                                      if now in skipped else 1.)
    runner.train()
    assert runner.iter == 80


def test_without_the_hook_every_weight_is_lost(toy_runner):
    runner = toy_runner()
    runner.model.spoil = spoil_at(6, float('nan'))
    runner.train()
    assert not any(torch.isfinite(p).any() for p in runner.model.parameters())


def test_it_is_gone_after_the_run(toy_runner):
    runner = toy_runner(epochs=1, custom_hooks=HOOK)
    runner.train()
    runner.model.spoil = lambda now: torch.tensor(float('nan'))
    runner.model(torch.zeros(4), mode='loss')


class Spoil(torch.autograd.Function):
    """Passes its input; one value of the gradient is spoiled."""

    @staticmethod
    def forward(ctx, value, spoiled):
        ctx.spoiled = spoiled
        return value.clone()

    @staticmethod
    def backward(ctx, gradient):
        gradient = gradient.clone()
        gradient.view(-1)[0] = ctx.spoiled
        return gradient, None


def pictures(tmp_path, spoiled, **optim):
    """A toy detector whose second batch spoils one gradient of its head."""
    from mmxkd.registry import MODELS
    torch.manual_seed(0)
    model = MODELS.build(ConfigDict(toy()))
    cls, calls = model.bbox_head.cls, []

    class Layer(torch.nn.Module):

        def __init__(self):
            super().__init__()
            self.weight, self.bias = cls.weight, cls.bias

        def forward(self, x):
            calls.append(0)
            bias = self.bias
            if len(calls) == 3:  # two levels per batch
                bias = Spoil.apply(bias, spoiled)
            return torch.nn.functional.conv2d(x, self.weight, bias)

    model.bbox_head.cls = Layer()
    runner = picture_runner(model, tmp_path / 'work', custom_hooks=HOOK)
    runner.optim_wrapper.update(optim)
    return runner


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
@pytest.mark.parametrize('clip', [None, dict(max_norm=1.)])
def test_only_the_gradient_at_fault_is_named_with_its_samples(
        tmp_path, value, clip):
    """Clipping would spread it to every parameter first."""
    runner = pictures(tmp_path, value, clip_grad=clip)
    with pytest.raises(NonFiniteLossError) as error:
        runner.train()
    assert str(error.value) == (
        f'iteration 1: gradient of bbox_head.cls.bias = {value}; the step '
        'was not taken. Samples of this batch: frame_2, frame_3')


def test_the_samples_of_all_accumulated_batches_are_named(tmp_path):
    runner = pictures(tmp_path, float('nan'), accumulative_counts=3)
    with pytest.raises(NonFiniteLossError) as error:
        runner.train()
    assert error.value.samples == [f'frame_{i}' for i in range(6)]


def test_many_parameters_are_counted(toy_runner):
    runner = toy_runner(custom_hooks=HOOK)
    model = runner.model
    model.more = torch.nn.ParameterList(torch.ones(2) for _ in range(9))
    model.spoil = lambda now: sum(
        Spoil.apply(p, float('nan' if i == 0 else 'inf')).sum()
        for i, p in enumerate(model.more))
    with pytest.raises(NonFiniteLossError) as error:
        runner.train()
    shown = re.findall(r'gradient of (.+?) = (\w+)', str(error.value))
    assert shown == [(f'more.{i}', 'inf')
                     for i in range(8, 3, -1)] + [('4 more parameters', 'nan')]


def test_a_huge_gradient_is_finite(toy_runner):
    runner = toy_runner(
        epochs=1, custom_hooks=HOOK,
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=1e-30)))
    runner.model.spoil = lambda now: (runner.model.linear.bias * 1e25).sum()
    runner.train()
    assert runner.iter == 4


def test_no_checkpoint_of_spoiled_statistics(toy_runner, tmp_path):
    """The loss is finite, what a layer keeps is not."""
    runner = toy_runner(
        custom_hooks=HOOK, checkpoint=dict(type='mmxkd.SafeCheckpointHook',
                                           interval=1, max_keep_ckpts=1))
    runner.model.register_buffer('statistic', torch.zeros(2))

    def spoil(now):
        if now == 6:
            runner.model.statistic[1] = float('inf')
        return 1.

    runner.model.spoil = spoil
    with pytest.raises(
            CheckpointError, match='epoch 2, iteration 8 was not '
            'written, .*: statistic is Inf. .*--resume'):
        runner.train()
    assert [p.name
            for p in (tmp_path / 'work').glob('*.pth')] == ['epoch_1.pth']


@pytest.mark.parametrize('key', ['exp_avg', 'exp_avg_sq'])
def test_no_checkpoint_of_a_spoiled_optimizer(toy_runner, tmp_path, key):
    runner = toy_runner(custom_hooks=HOOK,
                        checkpoint=dict(type='CheckpointHook', interval=1))

    def spoil(now):
        if now == 8:
            state = runner.optim_wrapper.optimizer.state
            runner.model.linear.bias.requires_grad_(False)
            state[runner.model.linear.bias][key][0] = float('nan')
        return 1.

    runner.model.spoil = spoil
    with pytest.raises(CheckpointError, match='optimizer.*NaN'):
        runner.train()
    assert [p.name
            for p in (tmp_path / 'work').glob('*.pth')] == ['epoch_1.pth']


def test_no_checkpoint_of_spoiled_averages(toy_runner, tmp_path):
    """EMAHook exchanges the weights when a checkpoint is written."""
    ema = dict(type='EMAHook')
    runner = toy_runner(custom_hooks=[*HOOK, ema],
                        checkpoint=dict(type='CheckpointHook', interval=1))

    def spoil(now):
        if now == 6:
            average = next(h.ema_model for h in runner.hooks
                           if hasattr(h, 'ema_model'))
            average.module.linear.weight.data[0] = float('nan')
        return 1.

    runner.model.spoil = spoil
    with pytest.raises(CheckpointError, match='linear.weight is NaN'):
        runner.train()
    assert [p.name
            for p in (tmp_path / 'work').glob('*.pth')] == ['epoch_1.pth']


def with_mask(runner):
    runner.model.register_buffer('mask', torch.tensor([0., -float('inf')]))
    return runner


def test_infinities_that_the_model_is_built_with_are_meant(
        toy_runner, tmp_path):
    with_mask(toy_runner(epochs=1, custom_hooks=HOOK)).train()
    resumed = with_mask(toy_runner(custom_hooks=HOOK, resume=True))
    resumed.train()
    assert resumed.epoch == 3


@pytest.mark.parametrize('resume', [False, True])
def test_a_spoiled_file_is_not_gone_on_from(toy_runner, tmp_path, resume):
    toy_runner(epochs=1).train()
    path = tmp_path / 'work/epoch_1.pth'
    content = torch.load(path, weights_only=True)
    content['state_dict']['linear.bias'][0] = float('nan')
    torch.save(content, path)
    runner = toy_runner(custom_hooks=HOOK, load_from=str(path), resume=resume)
    with pytest.raises(CheckpointError,
                       match='epoch_1.pth is not finite: linear.bias is NaN'):
        runner.train()


def test_a_list_is_no_checkpoint(toy_runner, tmp_path):
    path = str(tmp_path / 'list.pth')
    torch.save([torch.ones(1)], path)
    runner = toy_runner(custom_hooks=HOOK, load_from=path)
    with pytest.raises(CheckpointError, match='list.pth holds a list'):
        runner.train()
