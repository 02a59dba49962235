"""Reading the images of a frame: slices as stored, RGB as 8-bit BGR."""
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from mmxkd.errors import CorruptSampleError
from mmxkd.io.images import read_image

MAX_GATED = 1023
# White balance and tone curve of the raw Bayer images: percentiles of each
# colour that become black and white, then the usual display gamma.
_PERCENTILES = (0.5, 99.5)
_GAMMA = 2.2


def load_slices(paths: Sequence[Path]) -> list[np.ndarray]:
    """Read the gated slices of a frame.

    Returns:
        list[np.ndarray]: (H, W) each, all uint8 or all uint16 (0..1023).

    Raises:
        CorruptSampleError: A slice cannot be read, is a colour image, or
            differs from the first in size or bit depth.
    """
    slices = [_grey(path, read_image(path, 'gated')) for path in paths]
    first = slices[0]
    for path, image in zip(paths, slices, strict=True):
        if image.shape != first.shape:
            raise CorruptSampleError(
                path, 'gated', f'size {_size(image)} differs from '
                f'{_size(first)} of {paths[0]}')
        if image.dtype != first.dtype:
            raise CorruptSampleError(
                path, 'gated', f'bit depth {image.dtype} differs from '
                f'{first.dtype} of {paths[0]}')
        if image.dtype == np.uint16 and image.max() > MAX_GATED:
            raise CorruptSampleError(
                path, 'gated', f'expected 10-bit values up to {MAX_GATED}, '
                f'found {image.max()}')
    return slices


def _grey(path: Path, image: np.ndarray) -> np.ndarray:
    """A slice as (H, W); some tools store it as three equal channels."""
    if image.dtype not in (np.uint8, np.uint16):
        raise CorruptSampleError(
            path, 'gated', f'expected uint8 or uint16, found {image.dtype}')
    if image.ndim == 3:
        if np.any(image[..., 1:3] != image[..., :1]):
            raise CorruptSampleError(
                path, 'gated', 'expected one channel, found a colour image')
        return np.ascontiguousarray(image[..., 0])
    return image


def _size(image: np.ndarray) -> str:
    return f'{image.shape[1]}x{image.shape[0]}'


def load_rgb(path: Path) -> np.ndarray:
    """Read the left image, developing it where it is raw.

    Returns:
        np.ndarray: (H, W, 3) uint8, BGR.
    """
    image = read_image(path, 'RGB')
    if image.ndim == 2 and image.dtype == np.uint16:
        return develop_bayer(image)
    if image.ndim == 3 and image.shape[2] == 3 and image.dtype == np.uint8:
        return image
    raise CorruptSampleError(
        path, 'RGB', 'expected 8-bit colour or a 16-bit Bayer image, found '
        f'{image.shape} {image.dtype}')


def develop_bayer(raw: np.ndarray) -> np.ndarray:
    """Demosaic a raw image (GB pattern) and map its tones to 8 bit.

    A simple development: each colour is stretched between two percentiles,
    which balances the white roughly. The published ``cam_stereo_left_lut``
    images use the camera's own tables and look a little different.

    Args:
        raw (np.ndarray): (H, W) uint16.

    Returns:
        np.ndarray: (H, W, 3) uint8, BGR.
    """
    colour = cv2.cvtColor(raw, cv2.COLOR_BayerGB2BGR).astype(np.float32)
    low, high = np.percentile(colour[::4, ::4], _PERCENTILES, axis=(0, 1))
    span = np.maximum(high - low, 1.0)
    value = np.clip((colour - low) / span, 0, 1).astype(np.float32)
    return (value**(1 / _GAMMA) * 255 + .5).astype(np.uint8)
