"""Average precision and centre distances against published numbers."""
import numpy as np
import pytest

from mmxkd.evaluation.functional.box_overlaps import box_iou, suppress
from mmxkd.evaluation.functional.mm_distillnet import (
    THRESHOLDS,
    average_precision,
    centre_distance,
    true_positives,
)

# The example of the sheet, section 13 (c).
TRUTH = [
    np.array([[10, 20, 60, 90, 6], [64, 30, 120, 70, 6],
              [200, 200, 300, 260, 6]]),
    np.array([[40, 40, 100, 100, 6]])
]
FOUND = [
    np.array([[12, 22, 61, 88, .9, 6], [66, 33, 118, 72, .8, 6],
              [11, 19, 63, 95, .7, 6]]),
    np.zeros((0, 6))
]


@pytest.fixture(scope='module')
def golden(shared_data):
    return np.load(shared_data / 'mm_distillnet_golden/metric.npz',
                   allow_pickle=False)


@pytest.fixture(scope='module')
def frames(golden):
    return ([
        rows[:n]
        for rows, n in zip(golden['pred'], golden['n_pred'], strict=True)
    ], [
        rows[:n] for rows, n in zip(golden['gt'], golden['n_gt'], strict=True)
    ])


def test_golden_precision(golden, frames):
    np.testing.assert_allclose(THRESHOLDS, golden['thresholds'])
    found = average_precision(*frames)
    np.testing.assert_allclose([[p.ap, p.precision, p.recall, p.f1]
                                for p in found],
                               golden['ap_p_r_f1_per_threshold'], rtol=1e-9)
    flags = np.concatenate(
        [true_positives(p, t) for p, t in zip(*frames, strict=True) if len(t)],
        axis=1)
    np.testing.assert_array_equal(flags, golden['tp_flags'])


@pytest.mark.parametrize('name, published', [('legacy', True),
                                             ('centre', False)])
def test_golden_distances(golden, frames, name, published):
    distances = centre_distance(*frames, (768, 768), published)
    for axis, values in zip('xy', distances.T, strict=True):
        np.testing.assert_allclose(values,
                                   golden[f'{name}_cd{axis}_per_gt_frame'],
                                   rtol=1e-9)


def test_golden_headline(golden, frames):
    found = [p.ap for p in average_precision(*frames)]
    distances = centre_distance(*frames, (768, 768), True).mean(axis=0)
    ours = [np.mean(found), found[0], found[5], *distances]
    np.testing.assert_allclose(
        100 * np.array(ours),
        golden['headline_percent_apavg_ap50_ap75_cdx_cdy'], rtol=1e-9)


def test_example_of_the_sheet():
    assert true_positives(FOUND[0], TRUTH[0],
                          (.5, .75)).tolist() == [[True, True, False]] * 2
    (at_half, ) = average_precision(FOUND, TRUTH, (.5, ))
    assert (at_half.ap, at_half.recall) == (.5, .5)
    assert at_half.precision == pytest.approx(2 / 3)
    assert at_half.f1 == pytest.approx(4 / 7)
    np.testing.assert_allclose(
        centre_distance(FOUND, TRUTH, (768, 768), True),
        [[.0230034722, .0091145833], [.078125, .078125]], rtol=1e-8)


def test_frames_without_boxes_do_not_count():
    wrong = [np.array([[0, 0, 9, 9, .99, 6.]])]
    assert average_precision(FOUND + wrong, TRUTH + [np.zeros(
        (0, 5))]) == average_precision(FOUND, TRUTH)
    assert np.isnan(average_precision(wrong, [np.zeros((0, 5))])[0].ap)
    assert centre_distance(wrong, [np.zeros((0, 5))], (9, 9)).shape == (0, 2)


def test_several_classes():
    """A label that is not there is wrong; each class is its own curve."""
    truth = [np.array([[0, 0, 20, 20, 1], [50, 0, 70, 20, 2.]])]
    found = [np.array([[0, 0, 20, 20, .9, 3], [0, 0, 20, 20, .8, 1.]])]
    assert true_positives(found[0], truth[0],
                          (.5, )).tolist() == [[False, True]]
    (at_half, ) = average_precision(found, truth, (.5, ))
    assert (at_half.ap, at_half.precision) == (.5, .5)
    distances = centre_distance(found, truth, (100, 10))
    # Class 1 is exact, class 2 is not found: half of its size.
    assert distances.tolist() == [[.1, 1.]]


def test_no_second_choice():
    truth = np.array([[0, 0, 20, 20, 0], [8, 0, 28, 20, 0.]])
    found = np.array([[0, 0, 20, 20, .9, 0], [1, 0, 21, 20, .8, 0.]])
    assert true_positives(found, truth, (.4, )).tolist() == [[True, False]]


def test_overlaps_by_hand():
    box = np.array([[0, 0, 10, 10]])
    others = np.array([[5, 0, 15, 10], [10, 0, 20, 10], [3, 3, 3, 3]])
    np.testing.assert_allclose(box_iou(box, others), [[1 / 3, 0, 0]])
    assert box_iou(others[2:], others[2:]).tolist() == [[0]]
    # Of equal scores the first stays.
    assert suppress(np.tile(box, (2, 1)), np.ones(2), .5).tolist() == [0]
    assert suppress(np.zeros((0, 4)), np.zeros(0), .5).tolist() == []


def test_what_is_not_finite_is_refused():
    with pytest.raises(ValueError, match='not finite'):
        average_precision([FOUND[0] * np.nan], TRUTH[:1])
