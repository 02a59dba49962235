"""Modalities as pictures that a screen can show."""
from collections.abc import Callable

import numpy as np

from mmxkd.modalities import get_modality

from .depth_colours import depth_colours
from .sounds import spectrogram_colours, waveform_picture

DARKEST = 24
"""Grey of the smallest value that is there; what is not there is black."""


def draw_modality(name: str, array: np.ndarray) -> np.ndarray:
    """Draw a modality as :mod:`mmxkd.modalities` says.

    Args:
        name (str): The modality.
        array (np.ndarray): One sample of it, as its loader gives it.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB. Spatial modalities keep their height
        and width.

    Raises:
        ConfigError: Nobody registered a modality of this name.
        ValueError: The array does not have the shape or the type that this
            way of drawing needs.
    """
    draw = DRAWERS[get_modality(name).drawn]
    try:
        return draw(array)
    except ValueError as error:
        raise ValueError(f'{name}: {error}') from error


def to_displayable(image: np.ndarray, percentile: float = 99.5,
                   gamma: float = 1.0) -> np.ndarray:
    """Stretch an image of any depth to 8 bits.

    0 stays black; the given percentile of all values becomes white. A gated
    slice at night is otherwise black but for retro-reflectors.

    Args:
        image (np.ndarray): (H, W) or (H, W, C), any real dtype, values ≥ 0.
        percentile (float): Share of the values, in percent, that are not
            clipped.
        gamma (float): Exponent after the stretch; below 1 lifts the dark.

    Returns:
        np.ndarray: uint8, the same shape.

    Examples:
        >>> ten_bits = np.array([[0, 512, 1023]], np.uint16)
        >>> to_displayable(ten_bits, percentile=100)
        array([[  0, 128, 255]], dtype=uint8)
    """
    values = image.astype(np.float64)
    white = np.percentile(values, percentile) if values.size else 0.0
    if white <= 0:
        return np.zeros(image.shape, np.uint8)
    stretched = np.clip(values / white, 0.0, 1.0)**gamma
    return np.round(stretched * 255).astype(np.uint8)


def gated_colours(gated: np.ndarray, percentile: float = 99.5,
                  gamma: float = 0.7) -> np.ndarray:
    """Three gated slices in one picture: near red, middle green, far blue.

    What only one slice sees has that slice's colour, and so tells its
    distance; each slice is stretched by itself.

    Args:
        gated (np.ndarray): (H, W, 3), near to far.
        percentile, gamma (float): See :func:`to_displayable`.

    Returns:
        np.ndarray: (H, W, 3) uint8, RGB.

    Raises:
        ValueError: There are not three slices.
    """
    if gated.ndim != 3 or gated.shape[2] != 3:
        raise ValueError('expected three gated slices (H, W, 3), got '
                         f'{gated.shape}')
    return np.stack(
        [to_displayable(gated[..., i], percentile, gamma) for i in range(3)],
        axis=-1)


def grey_picture(image: np.ndarray, percentile: float = 99.5) -> np.ndarray:
    """Stretch an image between its dark and its bright end.

    Raw thermal images need both ends: a scene fills a few hundred of their
    65536 values, far above 0.

    Args:
        image (np.ndarray): (H, W) or (H, W, C), any real dtype. Channels are
            averaged. 0 is no value: it is black and does not count.
        percentile (float): Share of the values, in percent, that are not
            clipped at the bright end, and as many at the dark end.

    Returns:
        np.ndarray: (H, W, 3) uint8, all channels equal.

    Raises:
        ValueError: The array has another number of axes.

    Examples:
        >>> kelvin = np.array([[0, 280, 300, 320]])
        >>> grey_picture(kelvin, percentile=100)[..., 0]
        array([[  0,  24, 140, 255]], dtype=uint8)
    """
    if image.ndim not in (2, 3):
        raise ValueError(f'expected (H, W) or (H, W, C), got {image.shape}')
    values = image.reshape(*image.shape[:2], -1).mean(axis=2, dtype=float)
    seen = values != 0
    grey = np.zeros(values.shape)
    if seen.any():
        ends = np.percentile(values[seen], (100 - percentile, percentile))
        grey[seen] = np.interp(values[seen], ends, (DARKEST, 255))
    return np.repeat(np.round(grey).astype(np.uint8)[..., None], 3, axis=2)


def _rgb(image: np.ndarray) -> np.ndarray:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError('expected (H, W, 3) of uint8, got '
                         f'{image.shape} of {image.dtype}')
    return np.ascontiguousarray(image[..., ::-1])


def _depth(depth: np.ndarray) -> np.ndarray:
    if depth.ndim not in (2, 3) or depth.shape[2:] not in ((), (1, )):
        raise ValueError(f'expected (H, W) or (H, W, 1), got {depth.shape}')
    return depth_colours(depth.reshape(depth.shape[:2]))


#: A function for each way of drawing that the table knows.
DRAWERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    'bgr': _rgb,
    'grey': grey_picture,
    'slices': gated_colours,
    'depth': _depth,
    'spectrogram': spectrogram_colours,
    'waveform': waveform_picture,
}
