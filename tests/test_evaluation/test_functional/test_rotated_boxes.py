"""Intersections of rotated rectangles against shapely and by hand."""
import numpy as np
import pytest

from mmxkd.evaluation.functional import rotated_intersection
from tests.helpers.shapely_boxes import by_shapely, pairs


def test_equals_shapely_also_where_boxes_almost_coincide():
    boxes, others = pairs(5000)
    found = rotated_intersection(boxes, others)
    assert np.abs(found - by_shapely(boxes, others)).max() <= 1e-9
    assert (found == 0).any() and (found > 1).any()


@pytest.mark.parametrize('turn', [0, np.pi / 2, np.pi, 2 * np.pi, -.7])
def test_identical_boxes_give_their_area(turn):
    box = np.array([[31.7, 48.2, 3.9, 1.6, .3 + turn]])
    assert rotated_intersection(box, box) == pytest.approx([3.9 * 1.6],
                                                           rel=1e-14)


def test_half_a_turn_of_a_box_is_the_box():
    box = np.array([[1, 2, 4, 2, .3]])
    assert rotated_intersection(
        box, box + [0, 0, 0, 0, np.pi]) == (pytest.approx([8], rel=1e-14))


def test_by_hand():
    box = np.array([[0, 0, 4, 2, 0.]] * 5)
    others = np.array([
        [3, 0, 4, 2, 0],  # shifted along
        [0, 0, 4, 2, np.pi / 2],  # a cross
        [4, 0, 4, 2, 0],  # they touch
        [0, 0, 1, 1, .4],  # inside
        [2, 1, 2**.5, 2**.5, np.pi / 4]
    ])  # a diamond at the corner
    assert rotated_intersection(box, others) == pytest.approx([2, 4, 0, 1, .5],
                                                              abs=1e-14)


def test_is_symmetric():
    boxes, others = pairs(2000, seed=1)
    assert np.allclose(rotated_intersection(boxes, others),
                       rotated_intersection(others, boxes), atol=1e-12)


def test_boxes_without_area():
    box = np.array([[0, 0, 0, 2, .1], [0, 0, 2, 2, .1]])
    assert rotated_intersection(box, box[::-1]).tolist() == [0, 0]
    assert rotated_intersection(np.empty((0, 5)), np.empty((0, 5))).size == 0


def test_shapes_are_checked():
    with pytest.raises(ValueError, match=r'one shape \(N, 5\)'):
        rotated_intersection(np.zeros((3, 5)), np.zeros((2, 5)))
