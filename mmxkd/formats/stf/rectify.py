"""Rectification of the raw images by their calibration files.

The constant homography and the labels hold for rectified images. The folders
``gated*_rect``, ``gated*_rect8`` and ``cam_stereo_left_lut`` are rectified;
``gated*_raw`` and ``cam_stereo_left`` are not: there the left lens alone
displaces the borders by 50 pixels.
"""
import json
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np

from mmxkd.errors import CorruptSampleError

Maps = tuple[np.ndarray, np.ndarray]
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
        CorruptSampleError: The file is missing or lacks an entry.
    """
    try:
        info = json.loads(Path(path).read_text(encoding='utf-8'))
        size = int(info['width']), int(info['height'])
        matrices = {
            name: np.array(info[name], np.float64).reshape(shape)
            for name, shape in _SHAPES.items()
        }
    except FileNotFoundError as error:
        raise CorruptSampleError(path, 'calibration',
                                 'no such file; raw images need it') from error
    except (ValueError, KeyError, TypeError) as error:
        raise CorruptSampleError(path, 'calibration',
                                 f'cannot be read: {error!r}') from error
    camera, new = matrices['K'], matrices['P'][:, :3]
    if (not matrices['D'].any() and np.array_equal(camera, new)
            and np.array_equal(matrices['R'], np.eye(3))):
        return size, None
    map_x, map_y = cv2.initUndistortRectifyMap(camera, matrices['D'],
                                               matrices['R'], new, size,
                                               cv2.CV_32FC1)
    return size, (map_x, map_y)


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
