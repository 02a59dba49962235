"""What microphones add to a sound: wind, their own noise, 16 bits."""
from dataclasses import dataclass

import numpy as np

from mmxkd.synthetic.worlds.loudness import pressure_of, shaped_noise

NOISE_STREAM = 6
# Turbulence is slow: its spectrum falls from here on.
_WIND_CORNER = 40.0
_SIXTEEN_BITS = 32767


@dataclass(frozen=True)
class SoundNoise:
    """How clean a microphone's signal is.

    Attributes:
        own: Noise of the microphone, white, dB SPL.
        wind: Noise of wind of 5 m/s behind a wind screen, dB SPL; 12 dB more
            per doubling of the wind, since its pressure grows with the square
            of the speed. It falls by 12 dB per octave above 40 Hz, and
            differs from microphone to microphone.
        full_scale: Sound pressure of the largest value, pascal.
    """

    own: float = 28.0
    wind: float = 62.0
    full_scale: float = 4.0


def add_noise(heard: np.ndarray, rng: np.random.Generator, rate: float,
              wind: float, noise: SoundNoise) -> np.ndarray:
    """Add wind and the microphones' own noise.

    Args:
        heard (np.ndarray): (M, T) pascal.
        rng (np.random.Generator): Draws the noise.
        rate (float): Samples per second.
        wind (float): Speed of the air along the microphones, m/s.
        noise (SoundNoise): How clean they are.

    Returns:
        np.ndarray: (M, T) pascal.
    """
    own = pressure_of(noise.own) * rng.standard_normal(heard.shape)
    gusts = shaped_noise(rng, heard.shape, rate, lambda f: 1 /
                         (1 + (f / _WIND_CORNER)**2))
    return heard + own + pressure_of(noise.wind) * (wind / 5)**2 * gusts


def sixteen_bits(pressure: np.ndarray, full_scale: float) -> np.ndarray:
    """int16 samples of a sound pressure in pascal; louder ones are clipped.

    Examples:
        >>> sixteen_bits(np.array([0., 2., 9.]), 4.)
        array([    0, 16384, 32767], dtype=int16)
    """
    values = np.round(pressure * (_SIXTEEN_BITS / full_scale))
    return np.clip(values, -_SIXTEEN_BITS, _SIXTEEN_BITS).astype(np.int16)
