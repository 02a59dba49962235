"""Labels from teachers against published numbers, exact."""
import numpy as np
import pytest
import torch

from mmxkd.evaluation.functional.mm_distillnet import (
    fuse_rows,
    rows_of_outputs,
)
from mmxkd.models import DeltaYXHWBBoxCoder, EfficientDetAnchorGenerator
from tests.helpers.golden_teachers import dense_outputs

TEACHERS = ('rgb', 'depth', 'thermal')


@pytest.fixture(scope='module')
def golden(shared_data):
    return np.load(shared_data / 'mm_distillnet_golden/postprocess_fusion.npz',
                   allow_pickle=False)


@pytest.fixture(scope='module')
def outputs(golden):
    """Boxes and scores of each scenario, teacher and image."""
    sizes = [(256 // s, 256 // s) for s in (8, 16, 32, 64, 128)]
    anchors = torch.cat(EfficientDetAnchorGenerator().grid_priors(
        sizes, device='cpu')).double()
    found = {}
    for scenario in ('caronly', 'mixed'):
        for teacher in TEACHERS:
            scores, deltas = dense_outputs(golden, f'{scenario}_{teacher}',
                                           len(anchors))
            for i in range(6):
                boxes = DeltaYXHWBBoxCoder().decode(
                    anchors, torch.from_numpy(deltas[i]))
                found[scenario, teacher, i] = boxes.numpy(), scores[i]
    return found


@pytest.mark.parametrize('fixed', [False, True])
@pytest.mark.parametrize('scenario', ['caronly', 'mixed'])
def test_golden(golden, outputs, scenario, fixed):
    middle = 'fixed_' if fixed else ''
    for i in range(6):
        rows = []
        for teacher in TEACHERS:
            rows.append(
                rows_of_outputs(*outputs[scenario, teacher, i], (256, 256),
                                classes=[6], as_published=not fixed))
            key = f'{scenario}_{teacher}_{middle}'
            expected = golden[key
                              + ('rows' if fixed else 'rows_xyxy_score_label')]
            count = golden[f'{key}n'][i]
            np.testing.assert_array_equal(rows[-1], expected[i, :count])
        fused = fuse_rows(rows)
        key = f'{scenario}_{middle}fused'
        np.testing.assert_array_equal(
            fused, golden[f'{key}_xyxy_label'][i, :golden[f'{key}_n'][i]])


def one_hot(*pairs, classes: int = 20) -> np.ndarray:
    """(N, classes) scores of (class, score) pairs."""
    scores = np.zeros((len(pairs), classes))
    for row, (label, score) in zip(scores, pairs, strict=True):
        row[label] = score
    return scores


BOXES = np.array([[0, 0, 20, 20], [50, 0, 70, 20], [90, 0, 110, 20.]])


def test_published_scores_are_misplaced():
    """Example of the sheet, section 13 (d)."""
    scores = one_hot((14, .95), (6, .6), (6, .8))
    right = rows_of_outputs(BOXES, scores, (128, 128), classes=[6])
    assert right[:, 4].tolist() == pytest.approx([.8, .6])
    wrong = rows_of_outputs(BOXES, scores, (128, 128), classes=[6],
                            as_published=True)
    np.testing.assert_array_equal(wrong[:, :4], right[:, :4])
    assert wrong[:, 4].tolist() == pytest.approx([.6, .95])


def test_only_one_class_suppresses_within_a_teacher_and_all_between():
    boxes = np.tile(BOXES[:1], (3, 1)) + [[0], [1], [2]]
    rows = rows_of_outputs(boxes, one_hot((3, .5), (6, .7), (6, .6)),
                           (128, 128))
    assert rows[:, 5].tolist() == [6, 3]
    fused = fuse_rows([rows[1:], rows[:1]])
    assert fused.tolist() == [[1, 1, 21, 21, 6]]


def test_boxes_without_area_are_left_out():
    outside = np.array([[-30, -30, -5, -5], [300, 5, 320, 20], [5, 5, 5.9, 9]])
    scores = one_hot((6, .9), (6, .8), (6, .7))
    assert not len(rows_of_outputs(outside, scores, (256, 256)))
    published = rows_of_outputs(outside, scores, (256, 256), as_published=True)
    assert published[0, 2] < 0 and len(published) == 3


def test_nobody_finds_anything():
    rows = rows_of_outputs(BOXES, one_hot((6, .3), (6, .2), (6, .1)), (99, 99))
    assert rows.shape == (0, 6)
    assert fuse_rows([rows, rows]).shape == (0, 5)
    assert rows_of_outputs(np.zeros((0, 4)), np.zeros((0, 20)),
                           (9, 9)).shape == (0, 6)


def test_wrong_arrays_are_refused():
    with pytest.raises(ValueError, match=r'got \(3, 4\) and \(2, 20\)'):
        rows_of_outputs(BOXES, np.zeros((2, 20)), (9, 9))
    with pytest.raises(ValueError, match='not finite'):
        rows_of_outputs(BOXES + np.inf, one_hot(*[(6, .9)] * 3), (9, 9))
    with pytest.raises(ValueError, match='a score is not a number'):
        rows_of_outputs(BOXES, one_hot((6, .9), (3, np.nan), (6, .1)), (9, 9))
