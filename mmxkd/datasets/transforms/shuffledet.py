"""Colours and mirroring as ShuffleDet was trained with."""
from collections.abc import Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmxkd.errors import ConfigError
from mmxkd.registry import TRANSFORMS

from .alignment import keeps_pixels_in_place
from .geometry import RandomFlip


@keeps_pixels_in_place
@TRANSFORMS.register_module()
class ShuffleDetPhotometric(BaseTransform):
    """Brightness, contrast and saturation, each of them in every image.

    ``img`` becomes float32, so that it is resized without rounding; its
    values stay whole numbers from 0 to 255.

    Required Keys:

    - img (np.uint8): (H, W, 3), BGR

    Modified Keys:

    - img (np.float32)

    Args:
        brightness (int): The most that is added or taken away.
        contrast (Sequence[float]): Range of the factor of all values.
        saturation (Sequence[float]): Range of the factor of the saturation.
        legacy_bugs (bool): Apply the last factor as the published program
            does: to hue, saturation and value of the second row of pixels.

    Raises:
        ConfigError: ``img`` is not uint8, or a range is not one.
    """

    def __init__(self, brightness: int = 50,
                 contrast: Sequence[float] = (0.5, 1.5),
                 saturation: Sequence[float] = (0.3, 1.7),
                 legacy_bugs: bool = False) -> None:
        for name, ends in (('contrast', contrast), ('saturation', saturation)):
            if len(ends) != 2 or not 0 <= ends[0] <= ends[1]:
                raise ConfigError(f'ShuffleDetPhotometric: {name}={ends}, '
                                  'expected (low, high) of at least 0')
        if brightness < 0:
            raise ConfigError(f'ShuffleDetPhotometric: brightness={brightness}'
                              ', expected at least 0')
        self.brightness, self.legacy_bugs = int(brightness), legacy_bugs
        self.contrast, self.saturation = contrast, saturation

    def transform(self, results: dict) -> dict:
        brightness = np.random.randint(-self.brightness, self.brightness + 1)
        contrast, saturation = (np.random.uniform(low, high)
                                for low, high in (self.contrast,
                                                  self.saturation))
        results['img'] = self.change(results['img'], brightness, contrast,
                                     saturation)
        return results

    def change(self, img: np.ndarray, brightness: int, contrast: float,
               saturation: float) -> np.ndarray:
        """Change an image by given draws.

        Args:
            img (np.ndarray): (H, W, 3) uint8, BGR.
            brightness (int): Is added.
            contrast, saturation (float): Factors.

        Returns:
            np.ndarray: (H, W, 3) float32.
        """
        if img.dtype != np.uint8:
            raise ConfigError('ShuffleDetPhotometric: img is of '
                              f'{img.dtype}, expected uint8')
        img = np.clip(img.astype(np.int64) + brightness, 0, 255)
        # Fractions are cut off, as published.
        img = np.clip(img * contrast, 0, 255).astype(np.uint8)
        hsv = cv2.cvtColor(img, cv2.COLOR_BGR2HSV)
        where = np.s_[1:2] if self.legacy_bugs else np.s_[..., 1]
        hsv[where] = np.minimum(hsv[where] * saturation, 255).astype(np.uint8)
        return cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR).astype(np.float32)

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(brightness={self.brightness}, '
                f'contrast={self.contrast}, saturation={self.saturation}, '
                f'legacy_bugs={self.legacy_bugs})')


@keeps_pixels_in_place
@TRANSFORMS.register_module()
class ImageToFloat32(BaseTransform):
    """Make ``img`` float32, so that later steps do not round.

    For the test pipeline of a model that is trained with
    :class:`ShuffleDetPhotometric`.
    """

    def transform(self, results: dict) -> dict:
        results['img'] = results['img'].astype(np.float32)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'


@TRANSFORMS.register_module()
class ShuffleDetFlip(RandomFlip):
    """``mmxkd.RandomFlip``, horizontally, with the published fault if wanted.

    Args:
        *args: Of :class:`RandomFlip`.
        legacy_bugs (bool): Mirrored boxes lie one pixel too far left.
        **kwargs: Of :class:`RandomFlip`.
    """

    def __init__(self, *args, legacy_bugs: bool = False, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.legacy_bugs = legacy_bugs

    def _flip(self, results: dict) -> None:
        super()._flip(results)
        if self.legacy_bugs and results['flip_direction'] == 'horizontal':
            results['gt_bboxes'].translate_((-1, 0))
