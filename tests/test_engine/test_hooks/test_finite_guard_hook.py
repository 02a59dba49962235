import pytest
import torch

from mmxkd.errors import NonFiniteLossError

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
