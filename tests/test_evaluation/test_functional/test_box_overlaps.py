import numpy as np
import pytest

from mmxkd.evaluation.functional.box_overlaps import (
    box_areas,
    box_iou,
    suppress,
)


def slow_iou(a, b):
    """By counting the cells of a grid: for boxes of whole pixels."""
    grid = np.zeros((2, 40, 40), bool)
    for layer, (x1, y1, x2, y2) in zip(grid, (a, b), strict=True):
        layer[y1:y2, x1:x2] = True
    union = (grid[0] | grid[1]).sum()
    return (grid[0] & grid[1]).sum() / union if union else 0.


def test_iou_is_that_of_counted_pixels():
    draw = np.random.default_rng(0)
    low = draw.integers(0, 20, (30, 2))
    boxes = np.concatenate([low, low + draw.integers(0, 20, (30, 2))], 1)
    found = box_iou(boxes[:12], boxes[12:])
    wanted = [[slow_iou(a, b) for b in boxes[12:]] for a in boxes[:12]]
    np.testing.assert_allclose(found, wanted, atol=1e-12)
    assert (found > 0).any() and (found == 0).any()


def test_boxes_without_area_overlap_nothing():
    boxes = np.array([[5., 5., 5., 9.], [9., 9., 4., 4.]])
    assert box_areas(boxes).tolist() == [0, 0]
    assert box_iou(boxes, boxes).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize('shape', [(0, 4), (3, 4)])
def test_none_overlaps_none(shape):
    assert box_iou(np.ones(shape), np.zeros((0, 4))).shape == (shape[0], 0)


@pytest.mark.parametrize('classes', [None, 3])
def test_suppression_is_that_of_all_pairs(classes):
    draw = np.random.default_rng(1)
    low = draw.integers(0, 20, (80, 2))
    boxes = np.concatenate([low, low + draw.integers(4, 20, (80, 2))], 1)
    # With equal scores, of which the first is better.
    scores = draw.random(80).round(1)
    labels = None if classes is None else draw.integers(0, classes, 80)
    rivals = box_iou(boxes, boxes) > .4
    if labels is not None:
        rivals &= labels[:, None] == labels
    kept = []
    for i in sorted(range(80), key=lambda i: -scores[i]):
        if not rivals[i, kept].any():
            kept.append(i)
    assert suppress(boxes, scores, .4, labels).tolist() == kept
    assert 3 < len(kept) < 60
