"""LiDAR scans of KITTI: float32 records of x, y, z and reflectance."""
from os import PathLike
from pathlib import Path

import numpy as np

from mmxkd.errors import CorruptSampleError
from mmxkd.io.atomic import write_bytes

_MODALITY = 'velodyne'
_RECORD = 16
# Little-endian, as the files are, on every machine.
_DTYPE = np.dtype('<f4')


def read_scan(path: str | PathLike) -> np.ndarray:
    """Read ``velodyne/<id>.bin``.

    Args:
        path (str | PathLike): Records of 16 bytes, one a point.

    Returns:
        np.ndarray: (N, 4) float32: x forwards, y left, z up in metres, and
        the reflectance, 0..1.

    Raises:
        CorruptSampleError: The file cannot be read, is empty, is cut off
            within a record, or holds NaN or Inf.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise CorruptSampleError(
            path, _MODALITY, f'cannot be read ({error.strerror})') from error
    if not content:
        raise CorruptSampleError(path, _MODALITY, 'the file is empty')
    if len(content) % _RECORD:
        raise CorruptSampleError(
            path, _MODALITY,
            f'has {len(content)} bytes, expected a multiple of {_RECORD} '
            '(x, y, z and reflectance as float32)')
    points = np.frombuffer(content, _DTYPE).reshape(-1, 4).astype(np.float32)
    finite = np.isfinite(points)
    if not finite.all():
        bad = np.flatnonzero(~finite.all(axis=1))
        raise CorruptSampleError(
            path, _MODALITY,
            f'NaN or Inf in {len(bad)} of {len(points)} points, the first of '
            f'them number {bad[0]}: {points[bad[0]].tolist()}')
    return points


def write_scan(path: str | PathLike, points: np.ndarray) -> None:
    """Write ``velodyne/<id>.bin``, atomically.

    Args:
        path (str | PathLike): The file.
        points (np.ndarray): (N, 4); rounded to float32.

    Raises:
        ValueError: ``points`` has another shape, or holds NaN or Inf.
    """
    if points.ndim != 2 or points.shape[1] != 4:
        raise ValueError(f'expected points (N, 4), got {points.shape}')
    records = points.astype(_DTYPE)
    if not np.isfinite(records).all():
        raise ValueError(f'{path}: NaN or Inf among the points')
    write_bytes(Path(path), records.tobytes())
