"""Transforms that cut a window out of all modalities and paste it elsewhere.

mmdet draws the window somewhere in the middle of a method. So its transform
is given a picture in place of ``img`` that says of each pixel where it was;
what has become of the picture tells the window.
"""
import numpy as np
from mmcv.transforms import BaseTransform
from mmdet.datasets import transforms as mmdet_transforms

from mmxkd.errors import ConfigError
from mmxkd.registry import TRANSFORMS

from .alignment import MovesTogether
from .geometry import InFrame, beside_img
from .moves import Window

# More than any colour that fills the rest, and exact in float32 with the
# coordinates of any picture added.
_FAR = 1 << 16


def _place_picture(height: int, width: int, channels: int) -> np.ndarray:
    """(H, W, C) float32 that shows x, y and nothing, each plus ``_FAR``."""
    picture = np.full((height, width, max(channels, 3)), _FAR, np.float32)
    picture[..., 0] += np.arange(width, dtype=np.float32)
    picture[..., 1] += np.arange(height, dtype=np.float32)[:, None]
    return picture


def _window(picture: np.ndarray) -> Window:
    """The window that a place picture went through."""
    there = picture[..., 2] >= _FAR
    height, width = there.shape
    rows, columns = (np.flatnonzero(there.any(axis)) for axis in (1, 0))
    if not len(rows):
        return Window((height, width), (0, 0), (0, 0), (0, 0))
    top, left = int(rows[0]), int(columns[0])
    x, y = (picture[top, left, :2] - _FAR).astype(int).tolist()
    window = Window((height, width), (top, left), (y, x),
                    (len(rows), len(columns)))
    bottom, right = int(rows[-1]), int(columns[-1])
    expected = (x + right - left + _FAR, y + bottom - top + _FAR)
    if tuple(
            picture[bottom,
                    right, :2]) != expected or not there[top:bottom + 1,
                                                         left:right + 1].all():
        raise ConfigError('expected a transform that cuts and pastes one '
                          'window, but it did more; derive it from '
                          'MovesTogether alone and move each modality')
    return window


class CutsAndPastes(MovesTogether, BaseTransform):
    """Base of those that derive from one of mmdet's too.

    Write :class:`InFrame` before it, and mmdet's class behind. ``img``,
    boxes, masks and all else become what mmdet makes of them, with the same
    draws. What a modality does not cover is filled with the
    ``pad_value`` of the table, which in a depth map is no value.
    """

    def transform(self, results: dict) -> dict | None:
        if not beside_img(results):
            # Only the others need to be told what becomes of the picture.
            return super().transform(results)
        img = results['img']
        picture = _place_picture(*img.shape)
        results['img'] = picture
        returned = super().transform(results)
        if returned is None:
            return None
        moved = returned['img']
        if moved is picture:
            returned['img'] = img
            return returned
        window = _window(moved)
        returned['img'] = window.of(img, self._fill(moved)[:img.shape[2]])
        for modality in beside_img(returned):
            returned[modality.name] = window.of(returned[modality.name],
                                                modality.pad_value)
        return returned

    @staticmethod
    def _fill(picture: np.ndarray) -> np.ndarray:
        """What mmdet filled the rest of ``img`` with, (C, )."""
        rest = picture[..., 2] < _FAR
        # The first of them; where there is none, nobody asks.
        return picture[np.unravel_index(rest.argmax(), rest.shape)]


@TRANSFORMS.register_module()
class Expand(InFrame, CutsAndPastes, mmdet_transforms.Expand):
    """mmdet's ``Expand`` for every spatial modality of a sample."""


@TRANSFORMS.register_module()
class MinIoURandomCrop(InFrame, CutsAndPastes,
                       mmdet_transforms.MinIoURandomCrop):
    """mmdet's ``MinIoURandomCrop`` for every spatial modality."""


@TRANSFORMS.register_module()
class RandomShift(InFrame, CutsAndPastes, mmdet_transforms.RandomShift):
    """mmdet's ``RandomShift`` for every spatial modality of a sample."""


@TRANSFORMS.register_module()
class RandomCenterCropPad(InFrame, CutsAndPastes,
                          mmdet_transforms.RandomCenterCropPad):
    """mmdet's ``RandomCenterCropPad`` for every spatial modality.

    Raises:
        ConfigError: ``img`` is not float32, which mmdet demands too.
    """

    def transform(self, results: dict) -> dict | None:
        img = results.get('img')
        if img is not None and img.dtype != np.float32:
            raise ConfigError('RandomCenterCropPad: img is of '
                              f'{img.dtype}, expected float32 '
                              '(mmdet.LoadImageFromFile with to_float32=True)')
        return super().transform(results)
