"""Sounds as pictures, one strip for each microphone."""
import matplotlib
import numpy as np

COLOUR_MAP = 'magma'
"""Loud is bright, silent is black."""
CURVE = (86, 180, 233)
"""RGB of a waveform; distinct also to colour-blind eyes (Okabe and Ito)."""
_GAP = np.iinfo(np.uint8).max


def spectrogram_colours(spectrogram: np.ndarray) -> np.ndarray:
    """Colours of loudness: time to the right, high notes above.

    All microphones share one scale, from the smallest to the largest value,
    so that a louder one looks louder.

    Args:
        spectrogram (np.ndarray): (C, F, T), F from low to high; decibels, or
            any other measure that grows with loudness.

    Returns:
        np.ndarray: (C · F + C - 1, T, 3) uint8 RGB: the microphones in their
        order, white lines between them.

    Raises:
        ValueError: The array has other axes.
    """
    if spectrogram.ndim != 3 or not spectrogram.size:
        raise ValueError(f'expected (C, F, T), got {spectrogram.shape}')
    low, high = float(spectrogram.min()), float(spectrogram.max())
    share = np.zeros(spectrogram.shape)
    if high > low:
        share = (spectrogram.astype(float) - low) / (high - low)
    colours = matplotlib.colormaps[COLOUR_MAP](share, bytes=True)[..., :3]
    return _strips(colours[:, ::-1])


def waveform_picture(audio: np.ndarray, width: int = 800,
                     height: int = 80) -> np.ndarray:
    """The curve of each microphone: time to the right.

    A column shows all that the sound reaches until the next one begins. All
    microphones share one scale, with 0 in the middle of a strip.

    Args:
        audio (np.ndarray): (C, T).
        width (int): Pixels; fewer where there are fewer samples.
        height (int): Pixels of each strip.

    Returns:
        np.ndarray: (C · height + C - 1, width, 3) uint8 RGB: the microphones
        in their order, white lines between them.

    Raises:
        ValueError: The array has other axes.
    """
    if audio.ndim != 2 or not audio.size:
        raise ValueError(f'expected (C, T), got {audio.shape}')
    # As floats: the smallest integer of a type has no absolute value in it.
    curve = audio.astype(float)
    # Silence has no scale; any will do.
    curve /= np.abs(curve).max() or 1.0
    width = min(width, curve.shape[1])
    starts = np.arange(width) * curve.shape[1] // width
    # The curve goes on to the next column without a break.
    following = curve[:, np.append(starts[1:], curve.shape[1] - 1)]
    highest = np.maximum(np.maximum.reduceat(curve, starts, axis=1), following)
    lowest = np.minimum(np.minimum.reduceat(curve, starts, axis=1), following)
    # Rows count from above.
    first, last = (np.round((1 - end) / 2 * (height - 1))
                   for end in (highest, lowest))
    rows = np.arange(height)[:, None]
    inside = (rows >= first[:, None]) & (rows <= last[:, None])
    return _strips(np.where(inside[..., None], CURVE, 0).astype(np.uint8))


def _strips(pictures: np.ndarray) -> np.ndarray:
    """(C, H, W, 3), one below the other with a line between."""
    gap = np.full((1, *pictures.shape[2:]), _GAP, np.uint8)
    parts = [pictures[0]]
    for picture in pictures[1:]:
        parts += [gap, picture]
    return np.concatenate(parts)
