"""Levels in decibels, and noise of a given spectrum."""
from collections.abc import Callable

import numpy as np

REFERENCE_PRESSURE = 20e-6
"""Pascal, root mean square, at 0 dB SPL."""


def pressure_of(level: float) -> float:
    """Root mean square in pascal of a level in dB SPL.

    Examples:
        >>> round(pressure_of(94.0), 3)
        1.002
    """
    return REFERENCE_PRESSURE * 10**(level / 20)


def level_of(pressure: float) -> float:
    """dB SPL of a root mean square in pascal.

    Examples:
        >>> round(level_of(1.0), 2)
        93.98
    """
    return float(20 * np.log10(pressure / REFERENCE_PRESSURE))


def shaped_noise(rng: np.random.Generator, shape: tuple[int, ...], rate: float,
                 gain: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Noise of a given spectrum, with root mean square 1 on average.

    Args:
        rng (np.random.Generator): Draws it.
        shape (tuple[int, ...]): (..., T).
        rate (float): Samples per second.
        gain (Callable): Gives the amplitudes at frequencies (F, ) in Hz.

    Returns:
        np.ndarray: Of that shape.
    """
    number = shape[-1]
    spectrum = np.fft.rfft(rng.standard_normal(shape))
    amplitudes = gain(np.fft.rfftfreq(number, 1 / rate))
    # All frequencies but the first and the last stand for two of them.
    power = 2 * np.sum(amplitudes**2) - amplitudes[0]**2
    if number % 2 == 0:
        power -= amplitudes[-1]**2
    return np.fft.irfft(spectrum * (amplitudes / np.sqrt(power / number)),
                        number)
