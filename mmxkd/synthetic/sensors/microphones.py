"""Microphones that hear moving sources.

A source is a point that radiates equally in all directions. What it emits at
the time t' is heard at the time t for which the way from where the source was
at t' to where the microphone is at t takes t - t' seconds. Both move evenly,
so that this time has a closed form; the Doppler effect follows from it. The
level falls with 1 / r, and the ground mirrors every source.

Not simulated: houses that hide or mirror a source, what the air absorbs, the
shadow of the own car, and the louder sound ahead of a source that moves (less
than 1 dB at 15 m/s).
"""
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

SPEED_OF_SOUND = 343.0
"""Metres per second, at 20 degrees Celsius."""
# Nobody is nearer to a point than this: its level has no bound.
_NEAREST = 0.3


@dataclass(frozen=True, eq=False)
class Motion:
    """A point that moves evenly.

    Attributes:
        start: Place at the time 0, (3, ) metres; x right, y down, z forwards.
        velocity: Metres per second, (3, ).
    """

    start: np.ndarray
    velocity: np.ndarray

    def at(self, times: np.ndarray) -> np.ndarray:
        """Places (..., 3) at some times (...), seconds."""
        return self.start + np.asarray(times)[..., None] * self.velocity


@dataclass(frozen=True, eq=False)
class SoundSource:
    """A point and what it emits.

    Attributes:
        motion: Of the point; slower than sound.
        signal: Sound pressure at 1 m, (N, ) pascal.
        rate: Samples per second of ``signal``. Between samples it is
            interpolated by cubic polynomials: at a fifth of the rate, the
            error is 24 dB below the signal, at a tenth 48 dB.
        begin: Time of the first sample, seconds. Before it and after the
            last one the source is silent.
    """

    motion: Motion
    signal: np.ndarray
    rate: float
    begin: float = 0.0


@dataclass(frozen=True, eq=False)
class MicrophoneRig:
    """Microphones that move together.

    Attributes:
        places: Of each microphone in the frame of the car, (M, 3) metres.
        motion: Of the origin of that frame.
        ground: y of the ground, metres, in the frame of ``motion``.
        reflection: Share of the sound pressure that the ground sends back.
    """

    places: np.ndarray
    motion: Motion
    ground: float
    reflection: float = 0.9


def sound_delay(source: Motion, receiver: Motion,
                times: np.ndarray) -> np.ndarray:
    """How long the sound that is heard now has been on its way.

    With d = receiver - source at the time t, v the velocity of the source and
    c the speed of sound, the delay u is where |d + v u| = c u.

    Args:
        source (Motion): Of the source, slower than sound.
        receiver (Motion): Of the microphone.
        times (np.ndarray): At which it hears, (T, ) seconds.

    Returns:
        np.ndarray: (T, ) seconds.

    Raises:
        ValueError: The source is not slower than sound.

    Examples:
        >>> still = Motion(np.zeros(3), np.zeros(3))
        >>> away = Motion(np.array([0., 0., 343.]), np.array([0., 0., -10.]))
        >>> sound_delay(still, away, np.zeros(1))
        array([1.])
    """
    v = source.velocity
    slack = SPEED_OF_SOUND**2 - v @ v
    if not slack > 0:
        raise ValueError(f'a source moves with {np.linalg.norm(v):g} m/s, '
                         f'expected less than {SPEED_OF_SOUND:g}')
    # d = d0 + w t, so that d.v and d.d are polynomials of t.
    d0, w = receiver.start - source.start, receiver.velocity - v
    along = d0 @ v + times * (w @ v)
    square = d0 @ d0 + times * (2 * (d0 @ w) + times * (w @ w))
    return (along + np.sqrt(along**2 + slack * square)) / slack


def hear(sources: Sequence[SoundSource], rig: MicrophoneRig, rate: float,
         begin: float, number: int) -> np.ndarray:
    """What microphones without noise hear.

    Args:
        sources (Sequence[SoundSource]): Of everything that sounds.
        rig (MicrophoneRig): The microphones.
        rate (float): Samples per second of the result.
        begin (float): Time of its first sample, seconds.
        number (int): Of samples.

    Returns:
        np.ndarray: (M, number) float64, pascal.
    """
    times = begin + np.arange(number) / rate
    heard = np.zeros((len(rig.places), number))
    for source in sources:
        for path, gain in ((source.motion, 1.0),
                           (_mirrored(source.motion,
                                      rig.ground), rig.reflection)):
            if gain == 0:
                continue
            for place, channel in zip(rig.places, heard, strict=True):
                receiver = replace(rig.motion, start=rig.motion.start + place)
                delay = sound_delay(path, receiver, times)
                emitted = _between(source, times - delay)
                distance = np.maximum(SPEED_OF_SOUND * delay, _NEAREST)
                channel += gain * emitted / distance
    return heard


def _mirrored(motion: Motion, ground: float) -> Motion:
    """The image of a point in the plane y = ``ground``."""
    flip = np.array([1.0, -1.0, 1.0])
    return Motion(motion.start * flip + [0.0, 2 * ground, 0.0],
                  motion.velocity * flip)


def _between(source: SoundSource, times: np.ndarray) -> np.ndarray:
    """The signal at any times: Lagrange's polynomial through 4 samples."""
    signal = np.concatenate([np.zeros(2), source.signal, np.zeros(3)])
    place = (times - source.begin) * source.rate + 2
    np.clip(place, 1, len(signal) - 3, out=place)
    first = place.astype(np.intp)
    x = place - first
    below, above, far = x + 1, x - 1, x - 2
    inner = below * far
    result = signal[first - 1] * (x * above * far * (-1 / 6))
    result += signal[first] * (inner * above * .5)
    result += signal[first + 1] * (inner * x * -.5)
    result += signal[first + 2] * (below * x * above * (1 / 6))
    return result
