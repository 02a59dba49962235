"""LiDAR scans of KITTI: float32 records of x, y, z and reflectance."""
from os import PathLike
from pathlib import Path

import numpy as np

from mmxkd.errors import CorruptSampleError
from mmxkd.io.atomic import write_bytes
from mmxkd.io.text import read_bytes

from .scan_plausible import is_other_format, layout_hint, scan_fault

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
            within a record, or holds what :func:`~.scan_plausible.scan_fault`
            refuses; says which other layout it looks like.
    """
    content = read_bytes(path, _MODALITY)
    if not content:
        raise CorruptSampleError(path, _MODALITY, 'the file is empty')
    if is_other_format(content):
        raise CorruptSampleError(path, _MODALITY,
                                 'is not plain float32' + layout_hint(content))
    if len(content) % _RECORD:
        raise CorruptSampleError(
            path, _MODALITY,
            f'has {len(content)} bytes, expected a multiple of {_RECORD} '
            '(x, y, z and reflectance as float32)' + layout_hint(content))
    points = np.frombuffer(content, _DTYPE).reshape(-1, 4).astype(np.float32)
    fault = scan_fault(points)
    if fault is not None:
        raise CorruptSampleError(path, _MODALITY, fault + layout_hint(content))
    return points


def write_scan(path: str | PathLike, points: np.ndarray) -> None:
    """Write ``velodyne/<id>.bin``, atomically.

    Args:
        path (str | PathLike): The file.
        points (np.ndarray): (N, 4); rounded to float32.

    Raises:
        ValueError: ``points`` has another shape, or :func:`read_scan` would
            refuse what was written.
    """
    if points.ndim != 2 or points.shape[1] != 4:
        raise ValueError(f'expected points (N, 4), got {points.shape}')
    records = points.astype(_DTYPE)
    fault = scan_fault(records) if len(records) else None
    if fault is not None:
        raise ValueError(f'{path}: {fault}')
    write_bytes(Path(path), records.tobytes())
