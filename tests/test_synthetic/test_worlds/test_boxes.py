import numpy as np
import pytest

from mmxkd.synthetic import box_of
from mmxkd.synthetic.worlds.people import cyclist, pedestrian, sitter
from mmxkd.synthetic.worlds.scene import Capsule, Material, SceneObject
from mmxkd.synthetic.worlds.shapes import placed
from mmxkd.synthetic.worlds.vehicles import SIZES, vehicle
from tests.helpers.box_contains import box_contains


def test_box_of_a_turned_block(make_block):
    box = box_of(make_block(3, 20, size=(1.5, 2, 4), yaw=np.pi / 2))
    assert box.size == pytest.approx((1.5, 2, 4))
    assert box.bottom == pytest.approx([3, 1.65, 20])
    # Heading right: the length lies along x.
    assert box.corners().min(0) == pytest.approx([1, .15, 19])
    assert box.corners().max(0) == pytest.approx([5, 1.65, 21])


def test_box_of_a_capsule_by_hand():
    pole = Capsule(np.array([1.0, -1, 9]), np.array([1.0, 1, 9]), (.2, .5),
                   Material((1, 1, 1), 1))
    box = box_of(
        SceneObject('pole', None, np.array([.9, 1.65, 9]), (1, 1, 1), 0.0,
                    (pole, )))
    # From x 0.5 to 1.5, up to y = -1.2; boxes stand on the ground.
    assert box.size == pytest.approx((2.85, 1, 1))
    assert box.bottom == pytest.approx([1, 1.65, 9])


def test_contains_by_hand(make_block):
    box = box_of(make_block(0, 20, yaw=np.pi / 2))
    points = np.array([[1.9, 1, 20], [2.1, 1, 20], [0, 1, 20.9], [0, 1, 21.1],
                       [0, .1, 20], [0, 1.7, 20]])
    assert box_contains(box, points,
                        0).tolist() == ([True, False] * 2 + [False] * 2)
    assert box_contains(box, points, .15).all()


def test_boxes_of_vehicles_are_their_sizes():
    rng = np.random.default_rng(0)
    for kind, (height, width, _) in SIZES.items():
        box = box_of(vehicle(rng, kind, 2, 20, .3, False))
        assert box.size[:2] == pytest.approx((height, width), abs=.02)


def test_boxes_of_people_are_plausible():
    rng = np.random.default_rng(0)
    for _ in range(10):
        walker = box_of(pedestrian(rng, 0, 20)).size
        rider = box_of(cyclist(rng, 0, 20)).size
        seated = box_of(sitter(rng, 0, 20, .5)).size
        assert 1.1 < walker[0] < 2.1 and max(walker[1:]) < 1.3
        assert rider[0] == pytest.approx(1.76) and 1.6 < rider[2] < 2
        assert 1.1 < seated[0] < 1.5 and max(seated[1:]) < 1.1


def test_placed_scales_about_the_foot(make_block):
    block = placed(make_block(3, 20, size=(1.5, 2, 4)), factor=2, lowered=.5)
    box = box_of(block)
    assert box.size == pytest.approx((3, 4, 8)) == block.size
    assert box.bottom == pytest.approx([3, 2.15, 20])
    rng = np.random.default_rng(0)
    person = pedestrian(rng, 1, 9)
    smaller = box_of(placed(person, factor=.5)).size
    assert smaller == pytest.approx(np.array(box_of(person).size) / 2)
