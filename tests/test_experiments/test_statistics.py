"""Statistics over seeds, against slow versions in plain Python."""
import itertools
import math
import random
import statistics as std

import numpy as np
import pytest

from mmxkd.experiments.statistics import (
    Estimate,
    best_of,
    common_seeds,
    interval,
    paired_difference,
    resamples,
    share_of_gap,
    wins,
)


def scores(number, mean, seed):
    draw = random.Random(seed)
    return {i: mean + draw.gauss(0, 1) for i in range(number)}


def percentile(values, percent):
    """By linear interpolation between sorted values."""
    values = sorted(values)
    place = (len(values) - 1) * percent / 100
    low = math.floor(place)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (place - low)


def slow_share(student, baseline, top):
    """Every resample of the seeds by itertools."""
    seeds, found = sorted(student), []
    for drawn in itertools.product(seeds, repeat=len(seeds)):
        gain = std.fmean(student[s] - baseline[s] for s in drawn)
        gap = std.fmean(top[s] - baseline[s] for s in drawn)
        found.append(100 * gain / gap)
    mean = 100 * (std.fmean(student.values()) - std.fmean(baseline.values())
                  ) / (std.fmean(top.values()) - std.fmean(baseline.values()))
    return mean, percentile(found, 2.5), percentile(found, 97.5)


@pytest.mark.parametrize('number', [2, 3, 4, 5])
def test_share_of_gap_against_all_resamples(number):
    arms = scores(number, 30, 1), scores(number, 25, 2), scores(number, 45, 3)
    found = share_of_gap(*arms)
    assert (found.value, found.low,
            found.high) == pytest.approx(slow_share(*arms))
    assert found.low <= found.value <= found.high


@pytest.mark.parametrize('number', [2, 5])
def test_paired_difference_against_all_resamples(number):
    one, two = scores(number, 30, 4), scores(number, 28, 5)
    found = paired_difference(one, two)
    means = [
        std.fmean(one[s] - two[s] for s in drawn)
        for drawn in itertools.product(range(number), repeat=number)
    ]
    assert (found.value, found.low, found.high) == pytest.approx(
        (std.fmean(means), percentile(means, 2.5), percentile(means, 97.5)))


def test_pairing_removes_what_seeds_share():
    """A shift of a seed moves all arms, and must not widen the interval."""
    shift = scores(5, 0, 6)
    base = {s: 20 + 10 * shift[s] for s in shift}
    arm = {s: base[s] + 2 for s in shift}
    found = paired_difference(arm, base)
    assert (found.value, found.low, found.high) == pytest.approx((2, 2, 2))
    top = {s: base[s] + 8 for s in shift}
    found = share_of_gap(arm, base, top)
    assert (found.value, found.low, found.high) == pytest.approx((25, 25, 25))


def test_the_share_does_not_depend_on_scale_or_order():
    arms = scores(4, 30, 1), scores(4, 25, 2), scores(4, 45, 3)
    expected = share_of_gap(*arms)
    moved = [{s: 3 * v - 7 for s, v in reversed(arm.items())} for arm in arms]
    found = share_of_gap(*moved)
    assert (found.value, found.low, found.high) == pytest.approx(
        (expected.value, expected.low, expected.high))
    # Teacher and baseline themselves are at 100 and 0 %.
    for arm, share in ((arms[2], 100), (arms[1], 0)):
        found = share_of_gap(arm, *arms[1:])
        assert (found.value, found.low, found.high) == pytest.approx(
            (share, share, share))


def test_more_seeds_are_sampled_close_to_the_normal_interval():
    """Of 40 seeds the bootstrap must be near mean ± 1.96 standard errors."""
    arm, base = scores(40, 3, 7), scores(40, 0, 8)
    found = paired_difference(arm, base)
    error = std.stdev(arm[s] - base[s] for s in arm) / math.sqrt(40)
    assert found.low == pytest.approx(found.value - 1.96 * error, abs=0.05)
    assert found.high == pytest.approx(found.value + 1.96 * error, abs=0.05)
    assert found == paired_difference(arm, base)


def test_where_there_is_no_interval():
    one = {0: 1.}
    assert paired_difference(one, {0: 0.}) == Estimate(1.0)
    assert share_of_gap(one, {0: 0.}, {0: 4.}) == Estimate(25.0)


def test_a_gap_that_some_resamples_do_not_have_is_none():
    assert share_of_gap({0: 1., 1: 1.}, {0: 2., 1: 2.}, {0: 1., 1: 2.}) is None
    base, arm = {0: 34., 1: 35., 2: 35.}, {0: 39., 1: 39., 2: 39.}
    # As that of depth on clear streets: 0.03 in the mean.
    assert share_of_gap(arm, base, {0: 34.4, 1: 35.4, 2: 34.3}) is None
    assert share_of_gap(arm, base, {0: 44., 1: 45., 2: 36.}) is not None


def test_only_common_seeds_are_compared():
    assert common_seeds({0: 1., 2: 1.}, {2: 1., 3: 1.}) == [2]
    assert paired_difference({0: 9., 2: 1.}, {2: 0.5}).value == 0.5
    assert wins({0: 1., 1: 2., 2: 3.}, {0: 1., 1: 1., 2: 4.}) == (1, 3)
    with pytest.raises(ValueError, match=r'common to \[0\] and \[1\]'):
        wins({0: 1.}, {1: 1.})


def test_resamples_and_percentiles():
    assert sorted(map(tuple, resamples(3))) == list(
        itertools.product(range(3), repeat=3))
    drawn = resamples(6)
    assert drawn.shape == (10_000, 6)
    assert set(np.unique(drawn)) == set(range(6))
    values = np.random.default_rng(0).normal(size=101)
    assert interval(values) == pytest.approx(
        (percentile(values, 2.5), percentile(values, 97.5)))


def test_the_best_length():
    found = dict(a={0: 1., 1: 3.}, b={0: 2., 1: 2.}, c={0: 9., 1: 0.})
    assert best_of(['a', 'b'], found) == 'a'
    assert best_of(['a', 'b', 'c'], found) == 'c'
