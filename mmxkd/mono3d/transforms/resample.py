"""Pictures scaled and shifted, with pixel centres at .5."""
import numpy as np


def _taps(size: int, count: int, scale: float,
          shift: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each of ``size`` new pixels: the old one before it, the share of
    the next, and whether its centre lies in the old picture."""
    place = (np.arange(size) + 0.5 - shift) / scale
    inside = (place >= 0) & (place < count)
    place = place - 0.5
    first = np.floor(place).astype(int)
    return first, (place - first).astype(np.float32), inside


def resample(values: np.ndarray, matrix: np.ndarray,
             size: tuple[int, int]) -> np.ndarray:
    """Bilinear interpolation, exact where OpenCV rounds its weights to 1/32.

    New pixels whose centre lies outside of the old picture are 0; nothing
    is blended over the border. Integers are rounded down. As Pillow's
    ``transform`` does, which the original codes call.

    Args:
        values (np.ndarray): (H, W) or (H, W, C).
        matrix (np.ndarray): (3, 3) from old to new pixels: two scales and a
            shift, no rotation.
        size (tuple[int, int]): Height and width of the result.

    Returns:
        np.ndarray: Of the same dtype.

    Raises:
        ValueError: The matrix rotates or shears.
    """
    if matrix[0, 1] or matrix[1, 0] or matrix[0, 0] <= 0 or matrix[1, 1] <= 0:
        raise ValueError('resample: expected scales and shifts alone, got '
                         f'{matrix[:2].tolist()}')
    found = values.astype(np.float32)
    keep = []
    for axis in (0, 1):
        scale, shift = matrix[1 - axis, 1 - axis], matrix[1 - axis, 2]
        last = values.shape[axis] - 1
        first, share, inside = _taps(size[axis], values.shape[axis], scale,
                                     shift)
        share = share.reshape(-1, *[1] * (found.ndim - 1 - axis))
        near = found.take(first.clip(0, last), axis)
        far = found.take((first + 1).clip(0, last), axis)
        found = near + share * (far - near)
        keep.append(inside)
    seen = keep[0][:, None] & keep[1]
    found *= seen.reshape(*size, *[1] * (values.ndim - 2))
    return found.astype(values.dtype)
