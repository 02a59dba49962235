"""Rectification of the raw images by their calibration files.

The constant homography and the labels hold for rectified images. The folders
``gated*_rect``, ``gated*_rect8`` and ``cam_stereo_left_lut`` are rectified;
``gated*_raw`` and ``cam_stereo_left`` are not: there the left lens alone
displaces the borders by 50 pixels.
"""
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from mmxkd.errors import CorruptSampleError
from mmxkd.io.image_header import MAX_PIXELS
from mmxkd.io.text import read_json

from ..matrices import projection_fault, rotation_fault

Maps = tuple[np.ndarray, np.ndarray]
# What OpenCV takes.
_DISTORTIONS = (4, 5, 8, 12, 14)
_SHAPES = {'K': (3, 3), 'D': (-1, ), 'R': (3, 3), 'P': (3, 4)}


@lru_cache(maxsize=4)
def rectification_maps(path: Path) -> tuple[tuple[int, int], Maps | None]:
    """Where each rectified pixel lies in the raw image.

    Args:
        path (Path): Camera info of ROS as JSON: ``width``, ``height``, ``K``,
            ``D`` (plumb bob), ``R``, ``P``.

    Returns:
        tuple: Width and height, and the two maps (H, W) for ``cv2.remap``;
        None instead of the maps for a camera without distortion.

    Raises:
        CorruptSampleError: The file is missing, lacks an entry, or holds
            numbers that are not those of a camera.
    """
    if not Path(path).is_file():
        raise CorruptSampleError(path, 'calibration',
                                 'no such file; raw images need it')
    info = read_json(path, 'calibration')
    try:
        size = info['width'], info['height']
        matrices = {
            name: np.array(info[name], np.float64).reshape(shape)
            for name, shape in _SHAPES.items()
        }
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptSampleError(path, 'calibration',
                                 f'cannot be read: {error!r}') from error
    fault = _fault(size, matrices)
    if fault is not None:
        raise CorruptSampleError(path, 'calibration', fault)
    camera, new = matrices['K'], matrices['P'][:, :3]
    if (not matrices['D'].any() and np.array_equal(camera, new)
            and np.array_equal(matrices['R'], np.eye(3))):
        return size, None
    map_x, map_y = cv2.initUndistortRectifyMap(camera, matrices['D'],
                                               matrices['R'], new, size,
                                               cv2.CV_32FC1)
    return size, (map_x, map_y)


def _fault(size: tuple, matrices: dict[str, np.ndarray]) -> str | None:
    if not all(type(side) is int and 0 < side
               for side in size) or size[0] * size[1] > MAX_PIXELS:
        return f'expected width and height in pixels, found {size}'
    for name, matrix in matrices.items():
        if not np.isfinite(matrix).all():
            return f'{name} holds NaN or Inf'
    if matrices['D'].size not in _DISTORTIONS:
        return (f'D has {matrices["D"].size} numbers, expected one of '
                f'{_DISTORTIONS}')
    faults = {
        'K': projection_fault(np.pad(matrices['K'], ((0, 0), (0, 1)))),
        'R': rotation_fault(matrices['R']),
        'P': projection_fault(matrices['P']),
    }
    return next((f'{name} {fault}' for name, fault in faults.items() if fault),
                None)


def rectify(image: np.ndarray, calibration: Path) -> np.ndarray:
    """Rectify a raw image, (H, W) or (H, W, C); 0 outside of it.

    Raises:
        CorruptSampleError: The calibration is for another image size.
    """
    size, maps = rectification_maps(calibration)
    found = image.shape[1], image.shape[0]
    if found != size:
        raise CorruptSampleError(
            calibration, 'calibration',
            f'is for images of {size[0]}x{size[1]} pixels, found '
            f'{found[0]}x{found[1]}')
    if maps is None:
        return image
    return cv2.remap(image, maps[0], maps[1], cv2.INTER_LINEAR)
