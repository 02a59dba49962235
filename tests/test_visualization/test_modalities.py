import numpy as np
import pytest

from mmxkd.visualization import gated_colours, to_displayable


def test_ten_bits_become_eight_by_the_brightest_value():
    image = np.array([[0, 100, 200], [300, 400, 500]], np.uint16)
    np.testing.assert_array_equal(
        to_displayable(image, percentile=100),
        np.array([[0, 51, 102], [153, 204, 255]], np.uint8))


def test_what_is_above_the_percentile_is_white():
    image = np.full((10, 10), 10, np.uint16)
    image[0, 0] = 1023  # a retro-reflector
    shown = to_displayable(image, percentile=98)
    assert (shown == 255).all()


def test_gamma_below_one_lifts_the_dark():
    image = np.array([[64, 256]], np.uint16)
    # (64 / 256) ** 0.5 * 255 = 127.5, rounded to the even number
    np.testing.assert_array_equal(
        to_displayable(image, percentile=100, gamma=0.5), [[128, 255]])


@pytest.mark.parametrize('shape', [(3, 4), (0, 4), (3, 4, 3)])
def test_black_stays_black(shape):
    assert (to_displayable(np.zeros(shape)) == np.zeros(shape)).all()


def test_each_slice_has_its_colour_and_its_own_stretch():
    gated = np.zeros((2, 2, 3), np.uint16)
    gated[0, 0, 0], gated[0, 1, 1], gated[1, 0, 2] = 10, 100, 1000
    shown = gated_colours(gated, percentile=100)
    np.testing.assert_array_equal(
        shown, [[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [0, 0, 0]]])
    assert shown.dtype == np.uint8


def test_two_slices_are_refused():
    with pytest.raises(ValueError, match=r'three gated slices.*\(2, 2, 2\)'):
        gated_colours(np.zeros((2, 2, 2)))
