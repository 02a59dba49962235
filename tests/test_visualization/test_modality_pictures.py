import numpy as np
import pytest

from mmxkd.errors import ConfigError
from mmxkd.modalities import MODALITIES, Modality
from mmxkd.visualization import (
    depth_colours,
    draw_modality,
    gated_colours,
    grey_picture,
    spectrogram_colours,
    to_displayable,
    waveform_picture,
)
from tests.helpers.modalities import more_modalities

RNG = np.random.default_rng(0)


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


def test_grey_is_stretched_between_both_ends():
    """A raw thermal image: a few hundred values far above 0."""
    raw = np.array([[22000, 22100], [22200, 0]], np.uint16)
    shown = grey_picture(raw, percentile=100)
    np.testing.assert_array_equal(shown[..., 0], [[24, 140], [255, 0]])
    assert shown.shape == (2, 2, 3) and shown.dtype == np.uint8
    assert (shown == shown[..., :1]).all()


def test_grey_clips_as_much_at_each_end():
    values = np.arange(1., 1002).reshape(1, -1)
    grey = grey_picture(values, percentile=90)[0, :, 0]
    assert (grey == 24).sum() == pytest.approx(101, abs=3)
    assert (grey == 255).sum() == pytest.approx(101, abs=3)
    assert (np.diff(grey.astype(int)) >= 0).all()


def test_grey_shows_a_single_value_and_speeds_below_0():
    alone = np.zeros((3, 4))
    alone[1, 2] = -5
    grey = grey_picture(alone)[..., 0]
    assert np.argwhere(grey).tolist() == [[1, 2]]
    speeds = np.array([[-10., 0., 10.]])
    assert grey_picture(speeds, 100)[0, :, 0].tolist() == [24, 0, 255]


def test_grey_averages_channels():
    values = RNG.random((5, 6))
    np.testing.assert_array_equal(
        grey_picture(np.dstack([values + 1, 3 - values, values + 2])),
        grey_picture(values + 6))


def array_of(name):
    """Something that a loader may give."""
    return dict(img=RNG.integers(0, 256, (6, 8, 3), dtype=np.uint8),
                gated=RNG.integers(0, 1024, (6, 8, 3), dtype=np.uint16),
                depth=np.float32(RNG.random((6, 8)) * 80),
                thermal=RNG.integers(22000, 24000, (6, 8, 1), dtype=np.uint16),
                audio=RNG.normal(size=(2, 100)), spectrogram=-80 * RNG.random(
                    (2, 5, 7)))[name]


@pytest.mark.parametrize('name, drawn', [('img', lambda a: a[..., ::-1]),
                                         ('gated', gated_colours),
                                         ('depth', depth_colours),
                                         ('thermal', grey_picture),
                                         ('audio', waveform_picture),
                                         ('spectrogram', spectrogram_colours)])
def test_each_modality_is_drawn_as_the_table_says(name, drawn):
    array = array_of(name)
    picture = draw_modality(name, array)
    np.testing.assert_array_equal(picture, drawn(array))
    assert picture.dtype == np.uint8 and picture.shape[2:] == (3, )
    assert picture.any()
    if MODALITIES[name].spatial:
        assert picture.shape == (6, 8, 3)


def test_depth_with_an_axis_for_its_channel():
    depth = array_of('depth')
    np.testing.assert_array_equal(draw_modality('depth', depth[..., None]),
                                  draw_modality('depth', depth))


def test_registered_modality_is_drawn():
    with more_modalities(Modality('radar', 1, 'sparse')):
        depth = array_of('depth')
        np.testing.assert_array_equal(draw_modality('radar', depth),
                                      depth_colours(depth))
    with pytest.raises(ConfigError, match="modality='radar', expected one"):
        draw_modality('radar', depth)


@pytest.mark.parametrize(
    'name, shape, message',
    [('img', (6, 8), r'img: expected \(H, W, 3\) of uint8, got \(6, 8\) of f'),
     ('img', (6, 8, 3), 'img: expected .* of float64'),
     ('gated', (6, 8, 2), 'gated: expected three gated slices'),
     ('depth', (6, 8, 3), r'depth: expected \(H, W\) or \(H, W, 1\), got'),
     ('depth', (6, ), 'depth: expected'),
     ('thermal', (6, ), r'thermal: expected .*, got \(6,\)'),
     ('audio', (6, 8, 2), r'audio: expected \(C, T\)'),
     ('audio', (2, 0), 'audio: expected'),
     ('spectrogram', (6, 8), r'spectrogram: expected \(C, F, T\)'),
     ('spectrogram', (2, 0, 5), 'spectrogram: expected')])
def test_array_of_another_shape_is_refused(name, shape, message):
    with pytest.raises(ValueError, match=message):
        draw_modality(name, np.zeros(shape))
