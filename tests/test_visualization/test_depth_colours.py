import matplotlib
import numpy as np
import pytest

from mmxkd.visualization import depth_colours, depth_overlay


def colour(share):
    return matplotlib.colormaps['turbo_r'](share, bytes=True)[:3]


def test_scale_is_logarithmic_and_clipped():
    depth = np.array([[2, 2 * np.sqrt(40), 80], [.5, 200, 0]], np.float32)
    shown = depth_colours(depth, max_depth=80)
    expected = [[colour(0.), colour(.5), colour(1.)],
                [colour(0.), colour(1.), (0, 0, 0)]]
    assert shown.dtype == np.uint8
    assert np.abs(shown.astype(int) - expected).max() <= 3
    # Near is red, far is blue.
    assert shown[0, 0, 0] > 100 > shown[0, 0, 2]
    assert depth_colours(np.float32([[50]]))[0, 0, 2] > 200


def test_hits_are_squares_over_the_image_and_the_nearer_is_seen():
    image = np.full((5, 8, 3), 77, np.uint8)
    depth = np.zeros((5, 8), np.float32)
    depth[0, 0], depth[2, 3], depth[2, 5] = 5, 40, 10
    shown = depth_overlay(image, depth)
    colours = {
        value: depth_colours(np.float32([[value]]))[0, 0]
        for value in (5, 10, 40)
    }
    expected = image.copy()
    expected[:2, :2] = colours[5]
    expected[1:4, 2:5] = colours[40]
    expected[1:4, 4:7] = colours[10]
    np.testing.assert_array_equal(shown, expected)
    assert (image == 77).all()


def test_radius_0_colours_the_hits_alone():
    image = np.full((5, 8, 3), 77, np.uint8)
    depth = np.zeros((5, 8), np.float32)
    depth[2, 3] = 40
    shown = depth_overlay(image, depth, radius=0)
    assert ((shown != image).any(axis=2) == (depth > 0)).all()


def test_no_hit_leaves_the_image():
    image = np.random.default_rng(0).integers(0, 255, (5, 8, 3), np.uint8)
    np.testing.assert_array_equal(
        depth_overlay(image, np.zeros((5, 8), np.float32)), image)


def test_sizes_must_agree():
    with pytest.raises(ValueError, match=r'\(5, 8\) and depth \(5, 9\)'):
        depth_overlay(np.zeros((5, 8, 3), np.uint8), np.zeros((5, 9)))
