"""Average precision against the published program, and a slow version."""
import numpy as np
import pytest

from mmxkd.evaluation.functional.voc_ap import (
    AVERAGES,
    average_precision,
    evaluate_voc,
    match_class,
)


@pytest.fixture(scope='module')
def ssd_golden(shared_data):
    with np.load(shared_data / 'ssd_golden/voc_ap.npz') as file:
        return dict(file)


@pytest.mark.parametrize('column, average', enumerate(AVERAGES))
def test_ssd_golden_legacy(ssd_golden, column, average):
    """All 20 classes as the published program has them, -1 included."""
    found = evaluate_voc(ssd_golden['gt_img_cls_difficult_xyxy0'],
                         ssd_golden['det_img_cls_score_xyxy0'], 20, average,
                         legacy=True)
    np.testing.assert_allclose(found.ap,
                               ssd_golden['legacy_ap11_area'][:, column],
                               rtol=0, atol=1e-9)


@pytest.mark.parametrize('column, average', enumerate(AVERAGES))
def test_ssd_golden_exact(ssd_golden, column, average):
    truth = ssd_golden['gt_img_cls_difficult_xyxy0']
    detections = ssd_golden['det_img_cls_score_xyxy0']
    found = evaluate_voc(truth, detections, 20, average)
    expected = ssd_golden['clean_ap11_area'][:, column].copy()
    # A class with objects and no detection has found nothing: 0. One without
    # an object that counts has no value.
    counted = np.bincount(truth[truth[:, 2] == 0, 1].astype(int), minlength=20)
    detected = np.bincount(detections[:, 1].astype(int), minlength=20)
    expected[(counted > 0) & (detected == 0)] = 0
    expected[counted == 0] = np.nan
    np.testing.assert_allclose(found.ap, expected, rtol=0, atol=1e-9)
    assert found.num_gt.tolist() == counted.tolist()
    assert found.num_detections.tolist() == detected.tolist()
    assert found.mean == pytest.approx(np.nanmean(expected), abs=1e-12)


def slow(truth, detections, num_gt, average, threshold):
    """By loops and from the definition: no code in common."""
    taken, curve, hits, misses = set(), [], 0, 0
    ranks = sorted(range(len(detections)), key=lambda i: -detections[i][2])
    for i in ranks:
        picture, *_, x1, y1, x2, y2 = detections[i]
        best, owner = 0.0, None
        for j, row in enumerate(truth):
            if row[0] != picture:
                continue
            w = min(x2, row[5]) - max(x1, row[3])
            h = min(y2, row[6]) - max(y1, row[4])
            shared = max(w, 0) * max(h, 0)
            union = ((x2 - x1) * (y2 - y1) + (row[5] - row[3]) *
                     (row[6] - row[4]) - shared)
            if shared / union > best:
                best, owner = shared / union, j
        if best > threshold and truth[owner][2]:
            pass
        elif best > threshold and owner not in taken:
            taken.add(owner)
            hits += 1
        else:
            misses += 1
        if hits + misses:
            curve.append((hits / num_gt, hits / (hits + misses)))

    def best_from(recall):
        return max([p for r, p in curve if r >= recall], default=0.0)

    if average == '11points':
        # Not k / 10: the published thresholds are those of a float range.
        return sum(best_from(t) for t in np.arange(0, 1.1, .1)) / 11
    steps = [0.0] + sorted({r for r, _ in curve})
    return sum(
        (b - a) * best_from(b) for a, b in zip(steps, steps[1:], strict=False))


@pytest.mark.parametrize('seed', range(6))
@pytest.mark.parametrize('average', AVERAGES)
def test_against_a_slow_version(seed, average):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 60, (40, 2))
    truth = np.column_stack([
        rng.integers(0, 6, 40),
        np.zeros(40),
        rng.random(40) < .2, corner, corner + rng.uniform(10, 40, (40, 2))
    ])
    chosen = truth[rng.integers(0, 40, 90)]
    detections = np.column_stack([
        chosen[:, 0],
        np.zeros(90),
        rng.permutation(90) / 90, chosen[:, 3:] + rng.normal(0, 4, (90, 4))
    ])
    num_gt = int((truth[:, 2] == 0).sum())
    found = evaluate_voc(truth, detections, 1, average)
    expected = slow(truth, detections, num_gt, average, .5)
    assert 0 < expected < 1
    assert found.ap[0] == pytest.approx(expected, abs=1e-12)


def table(*rows):
    return np.array(rows, float)


OBJECT = table((0, 0, 0, 0, 0, 10, 10))


@pytest.mark.parametrize(
    'rows, true, false',
    [
        # Exactly half is not more than half.
        ([(0, 0, .9, 0, 0, 10, 5)], [0], [1]),
        ([(0, 0, .9, 0, 0, 10, 5.01)], [1], [0]),
        ([(0, 0, .8, 0, 0, 10, 9), (0, 0, .9, 0, 0, 10, 10)], [1, 0], [0, 1]),
        ([(1, 0, .9, 0, 0, 10, 10)], [0], [1]),
        # A box without area.
        ([(0, 0, .9, 5, 5, 5, 5)], [0], [1]),
    ])
def test_matching(rows, true, false):
    found = match_class(OBJECT, table(*rows), .5)
    assert [part.astype(int).tolist() for part in found] == [true, false]


def test_difficult_ones_count_neither_way_however_often():
    truth = table((0, 0, 1, 0, 0, 10, 10))
    twice = table((0, 0, .9, 0, 0, 10, 10), (0, 0, .8, 0, 0, 10, 10))
    true, false = match_class(truth, twice, .5)
    assert not true.any() and not false.any()
    # It competes with others for a detection.
    both = np.concatenate([truth, table((0, 0, 0, 0, 0, 10, 8))])
    true, false = match_class(both, twice, .5)
    assert not true.any() and not false.any()


def test_classes_without_detections_or_objects():
    truth = table((0, 0, 0, 0, 0, 10, 10), (0, 1, 1, 0, 0, 10, 10))
    exact = evaluate_voc(truth, np.zeros((0, 7)), 3)
    assert exact.ap[0] == 0 and np.isnan(exact.ap[1:]).all()
    assert exact.mean == 0
    legacy = evaluate_voc(truth, np.zeros((0, 7)), 3, legacy=True)
    assert legacy.ap.tolist() == [-1] * 3 and legacy.mean == -1
    assert np.isnan(evaluate_voc(truth[1:], truth[:0], 3).mean)


def test_three_thresholds_are_a_little_too_high():
    """Three of five objects are a recall of .6, which does not reach .6."""
    true = np.ones(3, bool)
    assert average_precision(true, ~true, 5) == pytest.approx(6 / 11)
    assert average_precision(true, ~true, 5, 'area') == pytest.approx(.6)


def test_refused():
    with pytest.raises(ValueError, match="average='12points'"):
        evaluate_voc(OBJECT, OBJECT, 1, '12points')
    with pytest.raises(ValueError, match='outside of 0..0'):
        evaluate_voc(OBJECT, table((0, 1, .9, 0, 0, 1, 1)), 1)
