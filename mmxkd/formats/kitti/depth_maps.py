"""Sparse depth maps as files: 16-bit PNG in 1/256 metre, 0 = no value.

The form of the KITTI depth benchmark (Uhrig et al., "Sparsity invariant
CNNs", 3DV 2017), of CaDDN's ``depth_2`` and of DID-M3D's ``depth_dense``. A
reader divides by 256 exactly once.
"""
from os import PathLike
from pathlib import Path

import numpy as np

from mmxkd.errors import CorruptSampleError
from mmxkd.io.atomic import write_bytes
from mmxkd.io.images import encode_image, read_image

PER_METRE = 256
"""Units of a file in a metre."""
MAX_DEPTH = np.iinfo(np.uint16).max / PER_METRE
"""The farthest that a file can hold, 255.996 metres."""


def write_depth(path: str | PathLike, depth: np.ndarray) -> None:
    """Write a depth map, atomically.

    The value of a pixel is ``round(metres × 256)``, so that what is read
    again is off by 1/512 m at most.

    Args:
        path (str | PathLike): Ends in ``.png``.
        depth (np.ndarray): (H, W) metres, 0 = no value.

    Raises:
        ValueError: ``depth`` is not (H, W), or has a value that the file
            cannot hold: NaN, Inf, negative, beyond :data:`MAX_DEPTH`, or so
            near that it would be rounded to 0, "no value".
    """
    if depth.ndim != 2:
        raise ValueError(f'{path}: expected depth (H, W), got {depth.shape}')
    units = np.rint(depth.astype(np.float64) * PER_METRE)
    held = (depth == 0) | (units >= 1) & (units <= MAX_DEPTH * PER_METRE)
    if not held.all():
        y, x = np.argwhere(~held)[0]
        raise ValueError(
            f'{path}: {np.count_nonzero(~held)} depths cannot be written, '
            f'the first of them {depth[y, x]} m in row {y}, column {x}; '
            f'expected 0 or {0.5 / PER_METRE:.5f} to {MAX_DEPTH:.3f} m')
    write_bytes(Path(path), encode_image(units.astype(np.uint16), '.png'))


def read_depth(path: str | PathLike,
               backend_args: dict | None = None) -> np.ndarray:
    """Read a depth map.

    Args:
        path (str | PathLike): A 16-bit PNG with one channel.
        backend_args (dict, optional): Of :func:`mmengine.fileio.get`.

    Returns:
        np.ndarray: (H, W) float32 metres, 0 = no value.

    Raises:
        CorruptSampleError: The file cannot be decoded, or is not 16 bits and
            one channel: an 8-bit picture of a depth map holds no metres.
    """
    units = read_image(str(path), 'depth', backend_args)
    if units.dtype != np.uint16 or units.ndim != 2:
        channels = units.shape[2] if units.ndim == 3 else 1
        raise CorruptSampleError(
            path, 'depth', 'expected 1 channel of uint16, found '
            f'{channels} of {units.dtype}')
    # Exact: 16 bits fit into the mantissa, and 256 is a power of 2.
    return units.astype(np.float32) / PER_METRE
