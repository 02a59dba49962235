"""The bars of the benchmark by sound, on scores that are given."""
import pytest


@pytest.fixture
def bars(repo, monkeypatch):
    monkeypatch.syspath_prepend(str(repo / 'benchmarks'))
    from sound_gap import bars
    return bars


def scores(day, night, test):
    return {
        column: dict(enumerate(values))
        for column, values in (('test day', day), ('test night', night),
                               ('test', test))
    }


def test_the_worst_seed_and_the_better_baseline_count(bars):
    table = dict(
        mm_distillnet=scores([30., 20.], [27., 14.], [28., 17.]),
        rgb=scores([50., 60.], [10., 24.], [30., 42.]),
        stereosoundnet=scores([9., 9.], [9., 9.], [9., 9.]),
        stereosoundnet_skip=scores([20., 19.], [20., 19.], [20., 19.]))
    found = bars(
        table, {0: 1., 1: 8.5},
        dict(mm_distillnet=4., stereosoundnet=-1., stereosoundnet_skip=3.))
    assert [bar.figure
            for bar in found] == pytest.approx([2., -2., .4, .7, 1.])
    # In seed 1 the student is below one baseline, and deaf at night.
    assert [bar.reached for bar in found] == [True, False, False, False, True]
