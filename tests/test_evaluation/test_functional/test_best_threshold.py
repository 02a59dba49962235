import math

import numpy as np
import pytest

from mmxkd.evaluation.functional.best_threshold import (
    best_threshold,
    class_threshold,
    match_boxes,
)

NONE = np.zeros((0, 4))


def f1_at(threshold, scores, verdicts, objects):
    kept = [
        v for s, v in zip(scores, verdicts, strict=True)
        if s >= threshold and v >= 0
    ]
    true = sum(v == 1 for v in kept)
    precision = true / len(kept) if kept else 0
    recall = true / objects
    total = precision + recall
    return 2 * precision * recall / total if total else 0


@pytest.mark.parametrize('seed', range(20))
def test_best_of_all_thresholds(seed):
    """Scores with ties, and detections that do not count."""
    draw = np.random.default_rng(seed)
    scores = draw.random(40).round(1)
    verdicts = draw.choice([1, 0, -1], 40)
    objects = int((verdicts == 1).sum()) + 5
    found = best_threshold(scores, verdicts, objects)
    tried = {t: f1_at(t, scores, verdicts, objects) for t in set(scores)}
    assert found.f1 == pytest.approx(max(tried.values()))
    # The highest of equally good ones.
    assert found.score == max(t for t, f1 in tried.items()
                              if f1 > found.f1 - 1e-12)
    assert found.f1 == pytest.approx(2 * found.precision * found.recall /
                                     (found.precision + found.recall))


def test_all_of_one_score_are_kept_or_none():
    """Two right and four wrong ones, all at 0.5."""
    found = best_threshold(np.full(6, .5), np.array([1, 0, 1, 0, 0, 0]), 2)
    assert (found.precision, found.recall) == (pytest.approx(1 / 3), 1)


@pytest.mark.parametrize('verdicts, objects', [([], 3), ([0, 0], 3), ([-1], 3),
                                               ([0], 0)])
def test_without_a_right_one_there_is_no_threshold(verdicts, objects):
    found = best_threshold(np.full(len(verdicts), .5), np.array(verdicts),
                           objects)
    assert math.isnan(found.score) and found.f1 == 0
    assert found.objects == objects


def test_scores_have_to_be_finite():
    with pytest.raises(ValueError, match='not finite'):
        best_threshold(np.array([.5, np.nan]), np.array([1, 0]), 1)


def test_the_best_score_takes_the_object():
    truth = np.array([[0., 0., 10., 10.]])
    boxes = np.array([[0., 0., 10., 8.], [0., 0., 10., 10.], [0., 0., 4., 4.]])
    found = match_boxes(boxes, np.array([.9, .8, .7]), truth,
                        np.zeros(1, bool))
    assert found.tolist() == [1, 0, 0]


def test_each_takes_the_free_object_that_it_overlaps_most():
    truth = np.array([[0., 0., 10., 10.], [2., 0., 12., 10.]])
    found = match_boxes(truth[[1, 1]], np.array([.9, .8]), truth,
                        np.zeros(2, bool))
    assert found.tolist() == [1, 1]


def test_a_region_takes_any_number_but_no_free_object():
    truth = np.array([[0., 0., 10., 10.], [0., 0., 10., 11.]])
    boxes = np.repeat(truth[1:], 3, 0)
    found = match_boxes(boxes, np.array([.9, .8, .7]), truth,
                        np.array([False, True]))
    assert found.tolist() == [1, -1, -1]


def test_overlap_of_exactly_a_half_is_enough():
    truth = np.array([[0., 0., 10., 10.]])
    for high, verdict in ((5, 1), (4.99, 0)):
        found = match_boxes(np.array([[0., 0., 10., high]]), np.ones(1), truth,
                            np.zeros(1, bool))
        assert found.tolist() == [verdict]


def test_of_a_class_over_frames():
    box = np.array([[0., 0., 10., 10.]])
    frames = [
        (box, np.array([.9]), box, np.zeros(1, bool)),
        (box + 50, np.array([.6]), box, np.zeros(1, bool)),
        (NONE, np.zeros(0), box, np.ones(1, bool)),
        (box, np.array([.4]), box, np.zeros(1, bool)),
    ]
    found = class_threshold(frames)
    assert found.objects == 3
    assert found.score == .4
    assert found.precision == found.recall == pytest.approx(2 / 3)


def test_of_no_frame():
    assert class_threshold([]).objects == 0
