"""Matching of many frames at once against one after the other."""
import numpy as np
import pytest

from mmxkd.evaluation.functional.kitti import matching
from mmxkd.evaluation.functional.kitti.matching import (
    Candidates,
    count_matches,
    true_positive_scores,
)


def random_pairs(rng, frames, density):
    """Pairs between up to 6 labels and 8 detections a frame, with ties."""
    rows, gt, det = [], 0, 0
    for frame in range(frames):
        num_gt, num_det = rng.integers(0, 7), rng.integers(0, 9)
        scores = rng.integers(0, 5, num_det) / 5
        gt_counts = rng.random(num_gt) < .8
        det_counts = rng.random(num_det) < .8
        for i in range(num_gt):
            for j in np.flatnonzero(rng.random(num_det) < density):
                rows.append((frame, gt + i, det + j, rng.choice([.6, .75, .9]),
                             scores[j], gt_counts[i], det_counts[j]))
        gt, det = gt + num_gt, det + num_det
    types = (int, int, int, float, float, bool, bool)
    return Candidates(*(
        np.array(column, dtype=kind)
        for column, kind in zip(zip(*rows, strict=True), types, strict=True)))


def serve(pairs, allowed, preference):
    """Rows of the pairs that are taken, label by label."""
    taken = {}
    for gt in np.unique(pairs.gt):
        rows = [
            row for row in np.flatnonzero(pairs.gt == gt)
            if allowed[row] and pairs.det[row] not in taken
        ]
        if rows:
            row = min(rows, key=preference)
            taken[pairs.det[row]] = row
    return list(taken.values())


@pytest.mark.parametrize('seed', range(8))
@pytest.mark.parametrize('density', [.1, .3, 1.])
def test_equals_one_label_after_the_other(seed, density, monkeypatch):
    rng = np.random.default_rng(seed)
    pairs = random_pairs(rng, 30, density)
    monkeypatch.setattr(matching, '_CHUNK', int(rng.integers(1, 200)))
    good = pairs.gt_counts & pairs.det_counts
    rows = serve(pairs, np.ones(len(pairs), bool), lambda row:
                 (-pairs.score[row], pairs.det[row]))
    expected = [pairs.score[row] for row in rows if good[row]]
    scores = true_positive_scores(pairs)
    assert sorted(scores.tolist()) == sorted(expected)

    thresholds = np.array([.8, .8, .6, .3, 0.])[rng.integers(0, 3):]
    # What holds for a detection holds in all of its pairs.
    false = rng.random(pairs.det.max() + 1)[pairs.det] < .5
    similarity = rng.random(len(pairs))
    counted = count_matches(pairs, thresholds, false, similarity)
    for k, threshold in enumerate(thresholds):
        rows = serve(
            pairs, pairs.score >= threshold, lambda row:
            (0, -pairs.overlap[row], pairs.det[row])
            if pairs.det_counts[row] else (1, 0, pairs.det[row]))
        assert counted[0, k] == sum(good[row] for row in rows)
        assert counted[1, k] == sum(false[row] for row in rows)
        assert counted[2, k] == pytest.approx(
            sum(similarity[row] for row in rows if good[row]))


def test_nothing_to_match():
    pairs = Candidates(*(np.empty(0, dtype=int) for _ in range(7)))
    assert len(true_positive_scores(pairs)) == 0
    none = np.empty(0)
    assert count_matches(pairs, none, none, none).shape == (3, 0)
    assert not count_matches(pairs, np.array([.5]), none, none).any()
