"""Transforms that move all modalities by one homography."""
import numpy as np
from mmdet.datasets import transforms as mmdet_transforms

from mmxkd.registry import TRANSFORMS

from .geometry import InFrame, beside_img
from .moves import warp


def warp_beside_img(results: dict, matrix: np.ndarray) -> None:
    """Move all other spatial modalities as ``img`` was moved.

    Args:
        results (dict): A sample whose ``img`` was moved; ``img_shape`` says
            its size.
        matrix (np.ndarray): (3, 3), from old to new pixels.
    """
    size = results['img_shape'][:2]
    for modality in beside_img(results):
        results[modality.name] = warp(modality, results[modality.name], matrix,
                                      size)


@TRANSFORMS.register_module()
class RandomAffine(InFrame, mmdet_transforms.RandomAffine):
    """mmdet's ``RandomAffine`` for every spatial modality of a sample.

    What a modality does not cover is filled with the ``pad_value`` of the
    table; ``border_val`` is of ``img`` alone.
    """

    def _get_random_homography_matrix(self, height: int,
                                      width: int) -> np.ndarray:
        self._matrix = super()._get_random_homography_matrix(height, width)
        return self._matrix

    def transform(self, results: dict) -> dict:
        results = super().transform(results)
        warp_beside_img(results, self._matrix)
        return results


class Warps(InFrame, mmdet_transforms.GeomTransform):
    """Base of those that derive from one of mmdet's ``GeomTransform`` too.

    ``RandAugment`` and ``AutoAugment`` take them by ``type='mmxkd.Rotate'``
    in their policies.
    """

    def _transform_img(self, results: dict, mag: float) -> None:
        super()._transform_img(results, mag)
        # mmdet moves the boxes by it.
        warp_beside_img(results, self.homography_matrix)


@TRANSFORMS.register_module()
class Rotate(Warps, mmdet_transforms.Rotate):
    """mmdet's ``Rotate`` for every spatial modality of a sample."""


@TRANSFORMS.register_module()
class ShearX(Warps, mmdet_transforms.ShearX):
    """mmdet's ``ShearX`` for every spatial modality of a sample."""


@TRANSFORMS.register_module()
class ShearY(Warps, mmdet_transforms.ShearY):
    """mmdet's ``ShearY`` for every spatial modality of a sample."""


@TRANSFORMS.register_module()
class TranslateX(Warps, mmdet_transforms.TranslateX):
    """mmdet's ``TranslateX`` for every spatial modality of a sample."""


@TRANSFORMS.register_module()
class TranslateY(Warps, mmdet_transforms.TranslateY):
    """mmdet's ``TranslateY`` for every spatial modality of a sample."""
