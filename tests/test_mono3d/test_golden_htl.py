"""Hierarchical task learning against the published code."""
from functools import cache

import pytest

from mmxkd.mono3d.task_weights import PARENTS, HierarchicalTaskWeights
from tests.helpers.golden_mono import Golden
from tests.helpers.mono_task_weights import task_weights

NAMES = ['htl_did', 'htl_monoskd']


@cache
def compare(folder, name: str) -> Golden:
    golden = Golden(folder, name)
    terms = [term.removesuffix('_loss') for term in golden['htl_terms']]
    assert terms == list(PARENTS)
    for case in ('plain', 'wild'):
        found = task_weights(golden[f'htl_{case}_losses'],
                             name == 'htl_monoskd')
        golden.check(f'htl_{case}_weights', found)
    return golden


@pytest.mark.parametrize('name', NAMES)
def test_golden_htl(mono_golden, name):
    golden = compare(mono_golden, name)
    golden.assert_good()
    assert not set(golden.arrays) - golden.used


def test_first_weight_is_one_step_of_the_schedule(mono_golden):
    """1/135, as MonoSKD's log shows."""
    weights = task_weights(
        Golden(mono_golden, NAMES[1])['htl_plain_losses'], True)
    assert weights[6][3] == pytest.approx(1 / 135)
    assert weights[5][3] == 0


@pytest.mark.parametrize('clamp, expected', [(False, 27**3), (True, 5 / 135)])
def test_tasks_that_speed_up(clamp, expected):
    """D / D0 = 3 of both parents: c = -2 each, and tau^(1 - 4)."""
    tasks = HierarchicalTaskWeights(140, clamp=clamp)
    loss = 100.
    for epoch in range(10):
        tasks.weights(epoch)
        tasks.append(epoch, dict.fromkeys(PARENTS, loss))
        loss -= 0.5 if epoch < 4 else 1.5
    found = tasks.weights(10)
    assert found['offset3d'] == pytest.approx(expected)
    assert found['seg'] == 1


def test_state_goes_on_where_it_was(mono_golden):
    losses = Golden(mono_golden, NAMES[0])['htl_plain_losses']
    whole = task_weights(losses, False)
    tasks = HierarchicalTaskWeights(140, clamp=False)
    for epoch, row in enumerate(losses):
        if epoch == 9:
            state = tasks.state()
            tasks = HierarchicalTaskWeights(140, clamp=False)
            tasks.load(state)
        assert list(tasks.weights(epoch).values()) == whole[epoch]
        tasks.append(epoch, dict(zip(PARENTS, row, strict=True)))
