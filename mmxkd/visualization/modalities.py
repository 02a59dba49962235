"""Modalities as pictures that a screen can show."""
import numpy as np


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
    return np.stack([
        to_displayable(gated[..., i], percentile, gamma) for i in range(3)
    ], axis=-1)
