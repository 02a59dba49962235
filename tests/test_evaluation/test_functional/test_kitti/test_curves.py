"""Thresholds and averages on numbers worked out by hand."""
import numpy as np
import pytest

from mmxkd.evaluation.functional.kitti.curves import (
    Curve,
    envelope,
    score_thresholds,
)


def averages(scored, num_gt):
    """(thresholds, AP11, AP40) of a list of (score, whether it is true)."""
    scores = np.array([score for score, _ in scored])
    true = np.array([good for _, good in scored], dtype=bool)
    thresholds = score_thresholds(scores[true], num_gt)
    counts = [(scores[kind][:, None] >= thresholds).sum(axis=0)
              for kind in (true, ~true)]
    precision, _, _ = envelope(*counts, similarity=counts[0])
    curve = Curve('bbox', 'Car', 'easy', 'strict', .7, num_gt, precision,
                  thresholds)
    return len(thresholds), curve.ap11 / 100, curve.ap40 / 100


@pytest.mark.parametrize(
    ('scored', 'num_gt', 'expected'),
    [([(.9, 1), (.85, 0), (.8, 1), (.7, 1)], 4, (3, 0.0909091, 0.0375)),
     ([(.9, 1), (.8, 1), (.7, 1), (.6, 1)], 4, (4, 0.0909091, 0.075)),
     ([(1 - i / 50, 1) for i in range(40)], 40, (40, 0.9090909, 0.975)),
     ([(1 - i / 200, 1) for i in range(100)], 100, (41, 1, 1)),
     ([
         *((1 - i / 1000, 1) for i in range(80)), *((1 - (i + .5) / 1000, 0)
                                                    for i in range(3, 80, 4))
     ], 100, (33, 0.6877363, 0.6626829)), ([], 5, (0, 0, 0)),
     ([], 0, (0, 0, 0))])
def test_averages(scored, num_gt, expected):
    assert averages(scored, num_gt) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize('seed', range(5))
def test_thresholds_equal_the_loop_over_all_scores(seed):
    rng = np.random.default_rng(seed)
    num_gt = int(rng.integers(1, 400))
    scores = np.sort(rng.choice(50, rng.integers(0, num_gt + 1)) / 50)[::-1]
    expected, wanted = [], 0.0
    for i, score in enumerate(scores):
        last = i == len(scores) - 1
        left = (i + 1) / num_gt
        right = left if last else (i + 2) / num_gt
        if not last and right - wanted < wanted - left:
            continue
        expected.append(score)
        wanted += 1 / 40
    assert score_thresholds(rng.permutation(scores),
                            num_gt).tolist() == expected


def test_the_recall_that_is_wanted_is_summed():
    """k / 40 rounds otherwise: on these counts it takes other scores."""

    def multiplied(num_gt):
        taken = []
        for i in range(num_gt):
            left, right = (i + 1) / num_gt, (i + 2) / num_gt
            wanted = len(taken) / 40
            if i < num_gt - 1 and right - wanted < wanted - left:
                continue
            taken.append(i)
        return taken

    differing = 0
    for num_gt in range(41, 400):
        scores = -np.arange(num_gt, dtype=float)
        found = (-score_thresholds(scores, num_gt)).astype(int).tolist()
        differing += found != multiplied(num_gt)
    assert differing > 30


def test_envelope_takes_the_best_at_a_higher_recall():
    precision, similarity, undefined = envelope(np.array([1, 2, 3]),
                                                np.array([1, 0, 3]),
                                                np.array([1, 1, 3]))
    assert precision[:4].tolist() == [1, 1, .5, 0]
    assert similarity[:4].tolist() == [.5, .5, .5, 0]
    assert not undefined


def test_envelope_without_any_positive():
    precision, _, undefined = envelope(*np.zeros((3, 2)))
    assert undefined and not precision.any()
