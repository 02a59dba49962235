import numpy as np
import pytest

from mmxkd.evaluation.functional.kitti.overlaps import (
    image_overlap,
    overlaps_3d,
    pairs_of_frames,
)
from mmxkd.formats.kitti import KittiObjects


def boxes(*rows):
    """Objects of one frame: h, w, l, x, y, z, rotation_y each."""
    rows = np.array(rows, dtype=float)
    return KittiObjects.from_frames({
        '000000': dict(name=['Car'] * len(rows), dimensions=rows[:, :3],
                       location=rows[:, 3:6], rotation_y=rows[:, 6])
    })


def test_pairs_are_those_of_one_frame():
    rng = np.random.default_rng(0)
    first, second = (np.sort(rng.integers(0, 6, n)) for n in (9, 14))
    expected = [(i, j) for i in range(9) for j in range(14)
                if first[i] == second[j]]
    assert list(zip(*pairs_of_frames(first, second, 6),
                    strict=True)) == expected


def test_image_boxes_have_no_extra_pixel():
    a = np.array([[0, 0, 10, 10.], [0, 0, 10, 10], [0, 0, 0, 0]])
    b = np.array([[5, 0, 15, 10.], [10, 0, 20, 10], [0, 0, 0, 0]])
    assert image_overlap(a, b).tolist() == [50 / 150, 0, 0]


def test_boxes_stand_on_their_location():
    """Half a metre higher: the camera's y points down."""
    a = boxes([2, 1, 4, 0, 1.5, 10, 0])
    b = boxes([2, 1, 4, 0, 1.0, 10, 0])
    bev, volume = overlaps_3d(a, b, np.array([0]), np.array([0]))
    assert bev.tolist() == [1]
    assert volume == pytest.approx([6 / 10])


def test_length_lies_along_x_at_no_turn():
    a = boxes([1, 1, 4, 0, 0, 10, 0], [1, 1, 4, 0, 0, 10, np.pi / 2])
    b = boxes([1, 1, 4, 2, 0, 10, 0], [1, 1, 4, 0, 0, 12, np.pi / 2])
    rows = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    bev, volume = overlaps_3d(a, b, *rows)
    assert bev == pytest.approx([2 / 6, .5 / 7.5, .5 / 7.5, 2 / 6], abs=1e-12)
    assert np.allclose(volume, bev)


def test_a_turn_is_seen_from_above():
    """+45 degrees turns the front towards -z, so boxes there overlap."""
    a = boxes([1, .1, 4, 0, 0, 10, np.pi / 4])
    b = boxes([1, .1, .1, 1, 0, 9, np.pi / 4],
              [1, .1, .1, 1, 0, 11, np.pi / 4])
    bev, _ = overlaps_3d(a, b, np.array([0, 0]), np.array([0, 1]))
    assert bev == pytest.approx([.01 / .4, 0], abs=1e-9)


def test_pairs_below_the_least_overlap_may_be_left_out():
    rng = np.random.default_rng(1)
    rows = np.column_stack([
        rng.uniform(.5, 3, (60, 3)),
        rng.uniform(-2, 2, (60, 3)),
        rng.uniform(-4, 4, 60)
    ])
    a, b = boxes(*rows), boxes(*rows[::-1] + rng.normal(0, .1, (60, 7)))
    every = [index.ravel() for index in np.mgrid[:60, :60]]
    full = overlaps_3d(a, b, *every)
    cut = overlaps_3d(a, b, *every, least=.5)
    for found, expected in zip(cut, full, strict=True):
        assert np.array_equal(found[expected > .5], expected[expected > .5])
        assert expected[found == 0].max() <= .5
    assert (full[1] > .5).any() and (cut[0] == 0).sum() > (full[0] == 0).sum()


def test_unknown_sizes_overlap_with_nothing():
    a = boxes([-1, -1, -1, -1000, -1000, -1000, -10])
    bev, volume = overlaps_3d(a, a, np.array([0]), np.array([0]))
    assert bev.tolist() == volume.tolist() == [0]
