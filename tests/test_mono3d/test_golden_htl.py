"""Hierarchical task learning against the published code."""
from functools import cache

import pytest

from mmxkd.mono3d.task_weights import PARENTS, HierarchicalTaskWeights
from tests.helpers.golden_mono import Golden

NAMES = ['htl_did', 'htl_monoskd']


def run(losses, skip_first: bool) -> list[list[float]]:
    tasks = HierarchicalTaskWeights(140, clamp=False, skip_first=skip_first)
    found = []
    for epoch, row in enumerate(losses):
        found.append(list(tasks.weights(epoch).values()))
        tasks.append(epoch, dict(zip(PARENTS, row, strict=True)))
    return found


@cache
def compare(folder, name: str) -> Golden:
    golden = Golden(folder, name)
    terms = [term.removesuffix('_loss') for term in golden['htl_terms']]
    assert terms == list(PARENTS)
    for case in ('plain', 'wild'):
        found = run(golden[f'htl_{case}_losses'], name == 'htl_monoskd')
        golden.check(f'htl_{case}_weights', found)
    return golden


@pytest.mark.parametrize('name', NAMES)
def test_golden_htl(mono_golden, name):
    golden = compare(mono_golden, name)
    golden.assert_good()
    assert not set(golden.arrays) - golden.used


def test_first_weight_is_one_step_of_the_schedule(mono_golden):
    """1/135, as MonoSKD's log shows."""
    weights = run(Golden(mono_golden, NAMES[1])['htl_plain_losses'], True)
    assert weights[6][3] == pytest.approx(1 / 135)
    assert weights[5][3] == 0


def test_weights_do_not_exceed_one_when_clamped(mono_golden):
    losses = Golden(mono_golden, NAMES[0])['htl_wild_losses']
    clamped = HierarchicalTaskWeights(140)
    wild = max(max(row) for row in run(losses, False))
    seen = []
    for epoch, row in enumerate(losses):
        seen += clamped.weights(epoch).values()
        clamped.append(epoch, dict(zip(PARENTS, row, strict=True)))
    assert max(seen) <= 1 and min(seen) >= 0
    assert wild > 1


def test_state_goes_on_where_it_was(mono_golden):
    losses = Golden(mono_golden, NAMES[0])['htl_plain_losses']
    whole = run(losses, False)
    tasks = HierarchicalTaskWeights(140, clamp=False)
    for epoch, row in enumerate(losses):
        if epoch == 9:
            state = tasks.state()
            tasks = HierarchicalTaskWeights(140, clamp=False)
            tasks.load(state)
        assert list(tasks.weights(epoch).values()) == whole[epoch]
        tasks.append(epoch, dict(zip(PARENTS, row, strict=True)))
