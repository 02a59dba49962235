import numpy as np
import pytest

from mmxkd.synthetic.worlds.loudness import level_of
from mmxkd.synthetic.worlds.vehicle_sounds import vehicle_sound

RATE = 32000


def draw(kind, speed, seed=0):
    return vehicle_sound(np.random.default_rng(seed), kind, speed)


def emitted(sound, seconds=4, seed=1):
    return sound.emit(np.random.default_rng(seed), RATE, seconds * RATE)


@pytest.mark.parametrize('kind, speed', [('car', 14.0), ('lorry', 9.0),
                                         ('van', 0.0)])
def test_the_level_is_that_of_the_signal(kind, speed):
    sound = draw(kind, speed)
    signal = emitted(sound)
    assert level_of(np.sqrt(np.mean(signal**2))) == pytest.approx(
        sound.level, abs=.5)


def test_levels_of_kinds_and_speeds():

    def mean(kind, speed):
        return np.mean([draw(kind, speed, seed).level for seed in range(40)])

    # 70 dB at 7.5 m are 87.5 dB at 1 m.
    assert mean('car', 50 / 3.6) == pytest.approx(87, abs=2)
    assert mean('lorry', 13.9) - mean('car', 13.9) == pytest.approx(
        8.5, abs=1.5)
    assert 6 < mean('car', 13.9) - mean('car', 6.95) < 9.1
    assert mean('car', 0.0) == pytest.approx(70, abs=1)


def test_an_engine_hums_at_its_firing_frequency():
    sound = draw('car', 0.0)
    power = np.abs(np.fft.rfft(emitted(sound)))**2
    frequencies = np.fft.rfftfreq(4 * RATE, 1 / RATE)
    near = np.abs(frequencies / sound.firing - 1) < .05
    below = (frequencies > 5) & (frequencies < .9 * sound.firing)
    assert power[near].max() > 2 * power[below].max()
    assert sound.tyres == 0 and power[frequencies > 1500].sum() < (
        1e-4 * power.sum())


def test_tyres_are_loudest_about_1_kHz():
    sound = draw('car', 25.0)
    power = np.abs(np.fft.rfft(emitted(sound)))**2
    frequencies = np.fft.rfftfreq(4 * RATE, 1 / RATE)
    octaves = [
        power[(frequencies > f) & (frequencies < 2 * f)].mean()
        for f in (150, 600, 2400)
    ]
    assert octaves[1] > 2 * octaves[0] and octaves[1] > 4 * octaves[2]
    assert power[frequencies > .24 * RATE].max() < 1e-9 * power.max()


def test_the_same_seed_is_the_same_sound():
    np.testing.assert_array_equal(emitted(draw('van', 8.0)),
                                  emitted(draw('van', 8.0)))
    other = emitted(draw('van', 8.0, seed=5))
    assert np.abs(other - emitted(draw('van', 8.0))).max() > 0
