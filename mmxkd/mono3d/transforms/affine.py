"""A crop of a picture, brought to one size with all that lies in it."""
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmdet3d.datasets.transforms import AffineResize as MMDet3DAffineResize

from mmxkd.datasets.transforms import MovesTogether
from mmxkd.datasets.transforms.geometry import beside_img
from mmxkd.datasets.transforms.moves import warp
from mmxkd.errors import ConfigError, check_known, check_number
from mmxkd.modalities import Modality
from mmxkd.registry import TRANSFORMS

from .resample import resample


@TRANSFORMS.register_module()
class ClippedNormalShiftScale(BaseTransform):
    """Draw a crop: its centre and size, from clipped normal distributions.

    As mmdet3d's ``RandomShiftScale`` it moves nothing: ``AffineResize``
    does. That one draws from a few fixed steps.

    Args:
        scale (float): Standard deviation and largest change of the size of
            the crop, relative to the picture's.
        shift (float): Standard deviation of the shift of its centre, relative
            to width and height.
        max_shift (float): Largest shift.
        prob (float): Of a crop; without one, the whole picture is taken.

    Added Keys: ``center`` and ``size`` (2, ) float64, ``affine_aug`` (bool).

    Raises:
        ConfigError: A number is out of range.
    """

    def __init__(self, scale: float = 0.4, shift: float = 0.1,
                 max_shift: float = 0.2, prob: float = 0.5) -> None:
        name = 'ClippedNormalShiftScale'
        check_number(f'{name}: scale', scale, 0, below=1)
        check_number(f'{name}: shift', shift, 0)
        check_number(f'{name}: max_shift', max_shift, 0)
        check_number(f'{name}: prob', prob, 0, 1)
        self.scale, self.shift = scale, shift
        self.max_shift, self.prob = max_shift, prob

    def transform(self, results: dict) -> dict:
        height, width = results['img'].shape[:2]
        whole = np.array([width, height], np.float64)
        drawn = np.random.rand() < self.prob
        size, centre = whole.copy(), whole / 2
        if drawn:
            size *= np.clip(np.random.randn() * self.scale + 1, 1 - self.scale,
                            1 + self.scale)
            for axis in range(2):
                centre[axis] += whole[axis] * np.clip(
                    np.random.randn() * self.shift, -self.max_shift,
                    self.max_shift)
        results.update(center=centre, size=size, affine_aug=bool(drawn))
        return results

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(scale={self.scale}, '
                f'shift={self.shift}, max_shift={self.max_shift}, '
                f'prob={self.prob})')


@TRANSFORMS.register_module()
class AffineResize(MovesTogether, MMDet3DAffineResize):
    """mmdet3d's ``AffineResize`` for every spatial modality of a sample.

    It differs from mmdet3d's in one more point: pixels have their centres at
    .5, for pictures as for boxes. mmdet3d warps pictures by centres at whole
    numbers, which shifts them by half a pixel against the boxes.

    Args:
        img_scale (tuple[int, int]): Width and height of the result.
        down_ratio (int): Pixels of the result per cell of the head's map.
        bbox_clip_border (bool): Clip 2-D boxes to the result. Default False:
            heads learn whole boxes.
        depth (str): ``'valid_minimum'``: depths are never blended, for maps
            with holes; ``'linear'``: bilinear, as the original codes do with
            dense maps, where holes blend as 0 m.
        released_range (bool): Say that the map shows the crop, as the
            original codes do, whose 2-D heights are 0.6 % off: width and
            height are scaled alike, so that the map shows a little more or
            less at the top and bottom.

    Added Keys: ``trans_mat`` (3, 3) float64, original pixels to cells of the
    map; ``aug_scale``, size of the crop over that of the picture;
    ``crop_range`` with ``released_range``.

    Raises:
        ConfigError: An option is unknown or no size.
    """

    def __init__(self, img_scale: tuple[int, int], down_ratio: int = 4,
                 bbox_clip_border: bool = False, depth: str = 'valid_minimum',
                 released_range: bool = False) -> None:
        check_known('AffineResize: depth', depth, ('valid_minimum', 'linear'))
        if not isinstance(img_scale,
                          (list, tuple)) or len(img_scale) != 2 or not all(
                              isinstance(n, int) and n > 0
                              for n in (*img_scale, down_ratio)):
            raise ConfigError(
                f'AffineResize: img_scale={img_scale!r}, down_ratio='
                f'{down_ratio!r}; expected width and height, and one number, '
                'whole and above 0')
        super().__init__(tuple(img_scale), down_ratio, bbox_clip_border)
        self.depth, self.released_range = depth, released_range

    def transform(self, results: dict) -> dict:
        picture = results['img']
        whole = np.array(picture.shape[1::-1], np.float64)
        centre = np.asarray(results.get('center', whole / 2), np.float64)
        size = np.asarray(results.get('size', whole), np.float64)
        others = {m.name: results[m.name] for m in beside_img(results)}
        if 'kept' in results and 'centers_2d' in results:
            results['kept'] = results['kept'][self._seen(
                results, centre, size)]
        results = super().transform(results)
        matrix = self._get_transform_matrix(centre, size, self.img_scale)
        shape = self.img_scale[1], self.img_scale[0]
        # mmdet3d has warped it by other centres.
        results['img'] = resample(picture, matrix, shape)
        for modality in beside_img(results):
            results[modality.name] = self._warped(modality,
                                                  others[modality.name],
                                                  matrix, shape)
        results['img_shape'] = results['pad_shape'] = shape
        results['aug_scale'] = float(size[0] / whole[0])
        if self.released_range:
            results['crop_range'] = np.stack(
                [centre - size / 2, centre + size / 2])
        return results

    def _seen(self, results: dict, centre: np.ndarray,
              size: np.ndarray) -> np.ndarray:
        """Which objects mmdet3d keeps: their 3-D centre is in the result."""
        matrix = self._get_transform_matrix(centre, size, self.img_scale)
        place = self._affine_transform(results['centers_2d'], matrix)
        return ((place > 0) & (place < self.img_scale)).all(1)

    def _warped(self, modality: Modality, values: np.ndarray,
                matrix: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        if modality.resize == 'linear' or self.depth == 'linear':
            return resample(values, matrix, shape)
        half = np.array([[1, 0, .5], [0, 1, .5], [0, 0, 1]])
        return warp(modality, values,
                    np.linalg.inv(half) @ matrix @ half, shape)

    def _get_transform_matrix(  # type: ignore[override]
            self, center: Any, scale: Any,
            output_scale: tuple[float, float]) -> np.ndarray:
        # As mmdet3d's, in closed form and double precision: one scale, the
        # width's, and the centre to the centre.
        factor = output_scale[0] / float(scale[0])
        return np.array([
            [factor, 0, output_scale[0] / 2 - factor * float(center[0])],
            [0, factor, output_scale[1] / 2 - factor * float(center[1])],
            [0, 0, 1],
        ])
