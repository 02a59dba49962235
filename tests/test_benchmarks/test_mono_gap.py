"""The bars of the monocular benchmark, on scores that are given."""
import math

import pytest


@pytest.fixture
def bars(repo, monkeypatch):
    monkeypatch.syspath_prepend(str(repo / 'benchmarks'))
    from mono_gap import bars
    return bars


def made(**arms) -> dict:
    return {
        arm: {
            'val loose': dict(enumerate(values)),
            'val strict': dict(enumerate(values))
        } for arm, values in arms.items()
    }


def test_bars_of_the_base(bars):
    table = made(student=[5., 6., 7.], teacher=[20., 20., 20.],
                 mmkd=[7., 8., 9.])
    found = {bar.what: bar.figure for bar in bars(table, did=True)}
    assert all(bar.reached for bar in bars(table, did=True))
    assert found['student, least AP of a seed'] == 5
    assert found['teacher - student, least of a seed'] == 13
    share = found['mmkd recovers of the gap, %']
    assert share == pytest.approx(100 * 6 / (15 + 14 + 13))
    assert 0 < found['lower end of its interval, %'] < share


@pytest.mark.parametrize('change', [
    dict(student=[4.9, 6., 7.]),
    dict(teacher=[14.9, 20., 20.]),
    dict(mmkd=[5., 7., 7.5]),
    dict(mmkd=[4., 6., 20.]),
    dict(teacher=[1., 1., 1.]),
])
def test_a_bar_that_is_missed(bars, change):
    arms = dict(student=[5., 6., 7.], teacher=[20., 20., 20.],
                mmkd=[7., 8., 9.]) | change
    assert not all(bar.reached for bar in bars(made(**arms), did=True))


def test_one_seed_has_no_interval(bars):
    table = made(student=[5.], teacher=[20.], mmkd=[8.])
    last = bars(table, did=True)[-1]
    assert math.isnan(last.figure) and not last.reached


def test_bars_of_mmdet3ds_detectors(bars):
    good = bars(made(student=[1., 2.], teacher=[1.5, 3.]), did=False)
    assert [bar.reached for bar in good] == [True]
    assert not bars(made(student=[1., 2.], teacher=[1., 3.]),
                    did=False)[0].reached
