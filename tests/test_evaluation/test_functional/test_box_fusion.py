import numpy as np
import pytest

from mmxkd.errors import ConfigError
from mmxkd.evaluation.functional.box_fusion import (
    Detections,
    fuse_detections,
)


def detections(rows) -> Detections:
    """Of rows x1, y1, x2, y2, score, label."""
    rows = np.array(rows, float).reshape(-1, 6)
    return Detections(rows[:, :4], rows[:, 4], rows[:, 5].astype(int))


def scattered(seed, detectors=3, objects=6, classes=2):
    """Some objects as each detector sees them, and false alarms."""
    draw = np.random.default_rng(seed)
    low = draw.uniform(0, 60, (objects, 2))
    truth = np.concatenate([low, low + draw.uniform(10, 30, (objects, 2))], 1)
    labels = draw.integers(0, classes, objects)
    found = []
    for _ in range(detectors):
        seen = np.flatnonzero(draw.random(objects) < .8)
        seen = np.concatenate([seen, seen[:1]])
        boxes = truth[seen] + draw.normal(0, 1.5, (len(seen), 4))
        found.append(
            Detections(boxes,
                       draw.random(len(seen)).round(2), labels[seen]))
    return found


def overlap(a, b):
    wide = min(a[2], b[2]) - max(a[0], b[0])
    high = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(wide, 0) * max(high, 0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) *
                     (b[3] - b[1]) - shared)


def slow_wbf(found, iou_thr, weights):
    """Section 2 of the paper, step by step, one box at a time."""
    fused = []
    for label in {int(k) for part in found for k in part.labels}:
        rows = [(w * s, w, s, list(b))
                for part, w in zip(found, weights, strict=True)
                for b, s, k in zip(*part, strict=True) if k == label]
        clusters = []  # [members, box]
        for row in sorted(rows, key=lambda r: -r[0]):
            best, best_overlap = None, iou_thr
            for cluster in clusters:
                value = overlap(row[3], cluster[1])
                if value > best_overlap:
                    best, best_overlap = cluster, value
            if best is None:
                clusters.append([[row], row[3]])
                continue
            best[0].append(row)
            total = sum(r[0] for r in best[0])
            best[1] = [
                sum(r[0] * r[3][i] for r in best[0]) / total for i in range(4)
            ]
        for members, box in clusters:
            count = sum(r[1] for r in members)
            score = sum(r[0] for r in members) / count
            score *= min(count, sum(weights)) / sum(weights)
            fused.append([*box, score, label])
    return sorted(fused, key=lambda r: (-r[4], r[5], r[:4]))


def slow_nms(found, iou_thr, agnostic):
    rows = sorted(
        ([*b, s, k] for part in found for b, s, k in zip(*part, strict=True)),
        key=lambda r: -r[4])
    kept = []
    for row in rows:
        if all((row[5] != other[5] and not agnostic)
               or overlap(row, other) <= iou_thr for other in kept):
            kept.append(row)
    return kept


def rows_of(found):
    return np.column_stack([found.boxes, found.scores, found.labels])


@pytest.mark.parametrize('weights', [None, (1., 2., .5)])
@pytest.mark.parametrize('seed', range(8))
def test_wbf_is_that_of_the_paper(seed, weights):
    found = scattered(seed)
    fused = fuse_detections(found, iou_thr=.5, weights=weights)
    wanted = slow_wbf(found, .5, weights or (1., ) * 3)
    assert 0 < len(wanted) < sum(len(f.scores) for f in found)
    np.testing.assert_allclose(rows_of(fused), wanted, atol=1e-9)


@pytest.mark.parametrize('agnostic', [False, True])
@pytest.mark.parametrize('seed', range(8))
def test_nms_keeps_the_best_of_each_group(seed, agnostic):
    # Of distinct scores: with equal ones, another box may stay.
    found = [
        f._replace(scores=f.scores / 2 + k * 1e-3
                   + np.arange(len(f.scores)) * 1e-5)
        for k, f in enumerate(scattered(seed))
    ]
    fused = fuse_detections(found, 'nms', .4, class_agnostic=agnostic)
    np.testing.assert_allclose(rows_of(fused), slow_nms(found, .4, agnostic))


def test_nms_of_mm_distillnet():
    """The example of its fusion in the specification."""
    one = detections([[10, 10, 50, 50, .9, 6], [60, 60, 90, 90, .4, 6]])
    two = detections([[12, 12, 52, 52, .8, 6], [61, 60, 90, 91, .7, 6]])
    fused = fuse_detections([one, two], 'nms', .5, class_agnostic=True)
    assert fused.boxes.tolist() == [[10, 10, 50, 50], [61, 60, 90, 91]]


@pytest.mark.parametrize('mode', ['wbf', 'nms'])
@pytest.mark.parametrize('seed', range(4))
def test_no_order_matters(mode, seed):
    """Also among equal scores, to the last bit."""
    found = scattered(seed, detectors=4)
    found = [f._replace(scores=f.scores.round(1)) for f in found]
    wanted = rows_of(fuse_detections(found, mode))
    draw = np.random.default_rng(seed)
    for _ in range(5):
        shuffled = [
            found[k].chosen(draw.permutation(len(found[k].scores)))
            for k in draw.permutation(len(found))
        ]
        assert (rows_of(fuse_detections(shuffled, mode)) == wanted).all()


def test_agreement_keeps_the_score_and_a_lonely_box_loses():
    box = [[10, 10, 30, 30, .8, 0]]
    alone = detections([[50, 50, 70, 70, .9, 0]])
    fused = fuse_detections([detections(box), detections(box), alone])
    np.testing.assert_allclose(
        rows_of(fused),
        [[10, 10, 30, 30, .8 * 2 / 3, 0], [50, 50, 70, 70, .3, 0]])


def test_a_fused_box_lies_between_its_parts():
    found = scattered(1, detectors=2, objects=1, classes=1)
    fused = fuse_detections(found, iou_thr=.1)
    every = np.concatenate([f.boxes for f in found])
    assert len(fused.boxes) == 1
    assert (every.min(0) <= fused.boxes).all()
    assert (fused.boxes <= every.max(0)).all()


def test_weights_count_like_copies_of_a_detector():
    one, two = scattered(3, detectors=2)
    weighted = fuse_detections([one, two], weights=[1, 1])
    scaled = fuse_detections([one, two], weights=[3, 3])
    np.testing.assert_allclose(rows_of(weighted), rows_of(scaled))


def test_boxes_without_any_score_are_averaged_evenly():
    parts = [detections([[x, 0, 10 + x, 10, 0, 0]]) for x in (0, 2)]
    fused = fuse_detections(parts)
    assert fused.boxes.tolist() == [[1, 0, 11, 10]]
    assert fused.scores.tolist() == [0]


@pytest.mark.parametrize('mode', ['wbf', 'nms'])
@pytest.mark.parametrize('number', [0, 1, 3])
def test_nothing_fuses_to_nothing(mode, number):
    fused = fuse_detections([detections([])] * number, mode)
    assert fused.boxes.shape == (0, 4) and fused.labels.dtype == np.int64


@pytest.mark.parametrize('options, message', [
    (dict(mode='wfb'), "did you mean 'wbf'"),
    (dict(iou_thr=1.), 'iou_thr=1.0, expected a number from 0 to below 1'),
    (dict(weights=[1]), 'one number above 0 for each of 2'),
    (dict(weights=[1, 0]), 'one number above 0 for each of 2'),
    (dict(weights=[1, 1], mode='nms'), 'takes no weights'),
    (dict(class_agnostic=True), "goes with mode='nms' alone"),
])
def test_arguments_are_checked(options, message):
    with pytest.raises(ConfigError, match=message):
        fuse_detections([detections([])] * 2, **options)


@pytest.mark.parametrize('column', [2, 4])
def test_what_is_not_finite_is_refused(column):
    row = [0, 0, 10, 10, .5, 0]
    row[column] = np.nan
    with pytest.raises(ValueError, match='not finite'):
        fuse_detections([detections([row])] * 2)
