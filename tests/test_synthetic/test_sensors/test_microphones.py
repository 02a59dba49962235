"""Microphones against closed forms of acoustics."""
import numpy as np
import pytest
from scipy.optimize import brentq

from mmxkd.synthetic.sensors.microphones import (
    SPEED_OF_SOUND,
    MicrophoneRig,
    Motion,
    SoundSource,
    hear,
    sound_delay,
)
from mmxkd.synthetic.sensors.sound_noise import (
    SoundNoise,
    add_noise,
    sixteen_bits,
)
from mmxkd.synthetic.worlds.loudness import level_of, pressure_of

RATE = 16000
STILL = Motion(np.zeros(3), np.zeros(3))


def tone(frequency, motion, seconds=4.0, begin=-1.5, rate=2 * RATE):
    times = begin + np.arange(int(seconds * rate)) / rate
    return SoundSource(motion, np.sin(2 * np.pi * frequency * times), rate,
                       begin)


def rig_of(*places, reflection=0.0, motion=STILL):
    return MicrophoneRig(np.array(places, float), motion, 1.5, reflection)


def rms(signal):
    return np.sqrt(np.mean(signal**2, axis=-1))


def test_the_delay_is_that_of_the_way():
    """Against a root of the definition, for every time on its own."""
    source = Motion(np.array([-20., .9, 8.]), np.array([17., 0., -4.]))
    receiver = Motion(np.array([.3, -.2, 0.]), np.array([0., 0., 9.]))
    times = np.linspace(-2, 3, 11)
    slow = [
        brentq(
            lambda u, t=t: SPEED_OF_SOUND * u - np.linalg.norm(
                receiver.at(t) - source.at(t - u)), 0, 10, xtol=1e-14)
        for t in times
    ]
    np.testing.assert_allclose(sound_delay(source, receiver, times), slow,
                               rtol=1e-11)
    with pytest.raises(ValueError, match='400 m/s, expected less than 343'):
        sound_delay(Motion(np.zeros(3), np.array([0, 0, 400.])), STILL, times)


@pytest.mark.parametrize('own', [0.0, 11.0])
def test_the_frequency_is_doppler_s(own):
    """f c / (c - v_s.n) for a source that passes by, and (c - v_r.n) / c
    above it for a microphone that drives."""
    frequency, speed = 500.0, 25.0
    source = Motion(np.array([-20., 0., 6.]), np.array([speed, 0., 0.]))
    car = Motion(np.zeros(3), np.array([own, 0., 0.]))
    heard = hear([tone(frequency, source)], rig_of((0, 0, 0), motion=car),
                 RATE, 0.0, 2 * RATE)[0]
    # The phase between two zeros turns by pi.
    up = np.flatnonzero((heard[:-1] < 0) & (heard[1:] >= 0))
    crossings = (up + heard[up] / (heard[up] - heard[up + 1])) / RATE
    found = 1 / np.diff(crossings)
    times = (crossings[1:] + crossings[:-1]) / 2
    emitted = times - sound_delay(source, car, times)
    way = car.at(times) - source.at(emitted)
    n = way / np.linalg.norm(way, axis=1, keepdims=True)
    theory = (frequency * (SPEED_OF_SOUND - n @ car.velocity) /
              (SPEED_OF_SOUND - n @ source.velocity))
    np.testing.assert_allclose(found, theory, rtol=2e-4)
    assert theory.max() / theory.min() > 1 + 1.5 * (speed
                                                    - own) / SPEED_OF_SOUND


def test_the_level_falls_by_6_dB_per_doubling():
    places = [(0, 0, 4.0 * 2**k) for k in range(4)]
    heard = hear([tone(300, STILL)], rig_of(*places), RATE, 0.0, RATE)
    levels = 20 * np.log10(rms(heard) / rms(np.sin(np.arange(2000) / 7)))
    np.testing.assert_allclose(levels[0], 20 * np.log10(1 / 4), atol=.02)
    np.testing.assert_allclose(np.diff(levels), -20 * np.log10(2), atol=.01)


def test_differences_of_arrival_are_those_of_the_ways():
    """A click, sharper than the sampling: by the phases of its spectrum."""
    places = [(.75 * np.cos(a), 0, .75 * np.sin(a))
              for a in np.linspace(0, 2 * np.pi, 9)[:-1]]
    source = Motion(np.array([9.0, .5, 14.0]), np.zeros(3))
    times = np.arange(-RATE, RATE) / (2 * RATE)
    click = SoundSource(source, np.exp(-.5 * (times / 4e-4)**2), 2 * RATE,
                        times[0])
    heard = hear([click], rig_of(*places), RATE, 0.0, 2048)
    spectra = np.fft.rfft(heard)
    low = slice(1, 60)
    omega = 2 * np.pi * np.fft.rfftfreq(2048, 1 / RATE)[low]
    phase = np.unwrap(np.angle(spectra[:, low] / spectra[0, low]))
    found = -(phase @ omega) / (omega @ omega)
    ways = np.linalg.norm(source.start - places, axis=1)
    np.testing.assert_allclose(found, (ways - ways[0]) / SPEED_OF_SOUND,
                               atol=2e-7)


def test_the_ground_mirrors():
    """Both paths of a tone, added by hand; they may cancel."""
    source = Motion(np.array([0., .9, 12.]), np.zeros(3))
    frequency, share = 700.0, .8
    rig = rig_of((0, -.3, 0), reflection=share)
    heard = hear([tone(frequency, source)], rig, RATE, 0.0, RATE)[0]
    direct, mirrored = np.hypot(12, 1.2), np.hypot(12, (1.5 + .3) + .6)
    wave = 2 * np.pi * frequency / SPEED_OF_SOUND
    expected = abs(
        np.exp(-1j * wave * direct) / direct
        + share * np.exp(-1j * wave * mirrored) / mirrored)
    assert rms(heard) * np.sqrt(2) == pytest.approx(expected, rel=2e-3)


def test_the_sound_of_two_is_the_sum():
    rng = np.random.default_rng(0)
    sources = [
        SoundSource(Motion(rng.uniform(2, 9, 3), rng.uniform(-20, 20, 3)),
                    rng.standard_normal(8 * RATE), 2 * RATE, -2.0)
        for _ in range(2)
    ]
    rig = rig_of((0, 0, 0), (.5, 0, .2), reflection=.9)
    both = hear(sources, rig, RATE, 0.0, RATE)
    apart = [hear([source], rig, RATE, 0.0, RATE) for source in sources]
    np.testing.assert_allclose(both, sum(apart), atol=1e-12)
    assert min(rms(a).min() for a in apart) > .01


def test_a_part_of_the_time_is_a_part_of_the_sound():
    source = tone(440, Motion(np.array([-9., 0., 5.]), np.array([9., 0., 0.])))
    rig = rig_of((0, 0, 0), reflection=.9)
    whole = hear([source], rig, RATE, 0.0, RATE)
    part = hear([source], rig, RATE, .25, RATE // 2)
    np.testing.assert_allclose(part, whole[:, RATE // 4:3 * RATE // 4],
                               atol=1e-9)


def test_nothing_is_heard_before_it_arrives():
    source = tone(440, Motion(np.array([0., 0., 34.3]), np.zeros(3)),
                  seconds=1.0, begin=0.0)
    heard = hear([source], rig_of((0, 0, 0)), RATE, 0.0, 2 * RATE)[0]
    sounding = np.flatnonzero(np.abs(heard) > 1e-4)
    assert abs(sounding[0] / RATE - .1) < 5e-3
    assert abs(sounding[-1] / RATE - 1.1) < 5e-3


def test_noise_has_its_level_and_is_each_microphone_s_own():
    rng = np.random.default_rng(0)
    noise = SoundNoise(own=30.0, wind=60.0)
    calm = add_noise(np.zeros((8, RATE)), rng, RATE, 0.0, noise)
    assert level_of(rms(calm.ravel())) == pytest.approx(30, abs=.1)
    for wind, level in ((5.0, 60.0), (10.0, 72.04)):
        windy = add_noise(np.zeros((8, 8 * RATE)), rng, RATE, wind, noise)
        assert level_of(rms(windy.ravel())) == pytest.approx(level, abs=.5)
        apart = np.corrcoef(windy) - np.eye(8)
        assert np.abs(apart).max() < .2
        # 12 dB per octave above the corner.
        power = np.mean(np.abs(np.fft.rfft(windy))**2, axis=0)
        octave = [power[8 * f:16 * f].mean() for f in (160, 320)]
        assert 10 * np.log10(octave[0] / octave[1]) == pytest.approx(12, abs=1)
    assert pressure_of(level_of(.3)) == pytest.approx(.3)


def test_sixteen_bits_clip():
    np.testing.assert_array_equal(
        sixteen_bits(np.array([-9.0, -4.0, 1.0, 4.0, 5.0]), 4.0),
        [-32767, -32767, 8192, 32767, 32767])
