import matplotlib
import numpy as np
import pytest

from mmxkd.visualization import spectrogram_colours, waveform_picture

CURVE = [86, 180, 233]


def colour(share):
    return matplotlib.colormaps['magma'](share, bytes=True)[:3]


def test_spectrogram_has_high_notes_above_and_one_scale_for_all():
    decibels = np.full((2, 3, 4), -80.)
    decibels[0, 2, 1] = 0  # the highest note of the first microphone
    decibels[1, 0, 3] = -40  # the lowest note of the second
    picture = spectrogram_colours(decibels)
    assert picture.shape == (3 + 1 + 3, 4, 3) and picture.dtype == np.uint8
    expected = np.tile(colour(0.), (7, 4, 1))
    expected[3] = 255
    expected[0, 1], expected[6, 3] = colour(1.), colour(.5)
    np.testing.assert_array_equal(picture, expected)
    assert colour(0.)[0] < 10 and colour(1.)[0] > 240


def test_spectrogram_without_any_change_is_dark():
    """A clip of digital silence, which is 0 dB everywhere."""
    assert (spectrogram_colours(np.zeros((1, 3, 4))) == colour(0.)).all()


def test_waveform_of_single_samples():
    sound = np.array([[0., 1., -1., 0., 0.], [0., 0., 0., .5, .5]])
    picture = waveform_picture(sound, height=5)
    assert picture.shape == (5 + 1 + 5, 5, 3) and picture.dtype == np.uint8
    on = (picture == CURVE).all(axis=2)
    # Each column reaches from its sample to the next one.
    drawn = np.array(
        [[1, 1, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 1, 1], [0, 1, 1, 0, 0],
         [0, 1, 1, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 1, 1, 1],
         [1, 1, 1, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]], bool)
    np.testing.assert_array_equal(on, drawn)
    assert (picture[5] == 255).all()
    assert not picture[~on & (np.arange(11) != 5)[:, None]].any()


def test_waveform_shows_a_click_however_long_the_sound():
    sound = np.zeros((1, 44100), np.float32)
    sound[0, 30000] = 1
    on = (waveform_picture(sound, width=400, height=9) == CURVE).all(axis=2)
    assert on.shape == (9, 400)
    assert np.flatnonzero(on[0]).tolist() == [30000 * 400 // 44100]
    assert on[4].all() and not on[5:].any()


@pytest.mark.parametrize('dtype', [np.int16, np.float32])
def test_waveform_fills_its_strip_whatever_the_scale(dtype):
    sound = np.array([[-32768, 0, 16384]]).astype(dtype)
    before = sound.copy()
    on = (waveform_picture(sound, height=9) == CURVE).all(axis=2)
    assert np.flatnonzero(on.any(axis=1)).tolist() == list(range(2, 9))
    np.testing.assert_array_equal(sound, before)


def test_silence_is_a_line():
    on = (waveform_picture(np.zeros((1, 50)), height=9) == CURVE).all(axis=2)
    assert on[4].all() and on.sum() == 50
