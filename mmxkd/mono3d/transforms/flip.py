"""A horizontal flip of a picture, its camera, its depth and its boxes."""
from typing import Any

import numpy as np
from mmdet3d.datasets.transforms import RandomFlip3D as MMDet3DRandomFlip3D

from mmxkd.datasets.transforms import MovesTogether
from mmxkd.datasets.transforms.geometry import beside_img
from mmxkd.datasets.transforms.moves import FLIPS
from mmxkd.errors import ConfigError, check_known, check_number
from mmxkd.registry import TRANSFORMS

from ..geometry import PROJECTIONS


def mirrored_camera(matrix: np.ndarray, width: float,
                    projection: str = 'exact') -> np.ndarray:
    """The projection of a mirrored scene into a mirrored picture.

    Args:
        matrix (np.ndarray): (3, 4) or (4, 4), P2.
        width (float): Of the picture, pixels.
        projection (str): ``'exact'``: M · P2 · D, with which
            u = q0 / (z + P2[2, 3]) of a mirrored point is width - u.
            ``'by_z'``: row 0 as (f, 0, width - cu, -P2[0, 3]), as the
            original codes have it, which divide by z.

    Returns:
        np.ndarray: float64, of the same shape.
    """
    matrix = np.array(matrix, np.float64)
    found = matrix.copy()
    found[0] = width * matrix[2] - matrix[0]
    # The scene is mirrored too: x of every point changes its sign.
    found[:3, 0] *= -1
    if projection == 'by_z' and matrix.shape[1] > 3:
        found[0, 3] = -matrix[0, 3]
    return found


@TRANSFORMS.register_module()
class RandomFlip3D(MovesTogether, MMDet3DRandomFlip3D):
    """mmdet3d's ``RandomFlip3D``, which moves depth and all of P2.

    mmdet3d's own leaves P2[0, 3] as it is, which is 4.3 pixels off at 20 m on
    KITTI, and moves no depth map. A frame without labels is flipped like any
    other, where mmdet3d's asks it for points.

    Args:
        flip_ratio_bev_horizontal (float): Of a flip, of the picture and of
            all else.
        projection (str): ``'exact'``, which mmdet3d's detectors and our
            metric expect, or ``'by_z'``; see :func:`mirrored_camera`.
        flip_ratio_bev_vertical (float): 0: it would turn objects to behind
            the camera, and leave the picture.
        sync_2d (bool): True: else mmdet3d draws twice, for the picture and
            for the boxes.
        **kwargs: Of mmdet3d's ``RandomFlip3D``.

    Raises:
        ConfigError: An option is not one of these, or a sample has no camera,
            flipped or not.
    """

    def __init__(self, flip_ratio_bev_horizontal: float = 0.0,
                 projection: str = 'exact',
                 flip_ratio_bev_vertical: float = 0.0, sync_2d: bool = True,
                 **kwargs: Any) -> None:
        check_known('RandomFlip3D: projection', projection, PROJECTIONS)
        check_number('RandomFlip3D: flip_ratio_bev_horizontal',
                     flip_ratio_bev_horizontal, 0, 1)
        if flip_ratio_bev_vertical or not sync_2d:
            raise ConfigError(
                'RandomFlip3D: flip_ratio_bev_vertical='
                f'{flip_ratio_bev_vertical}, sync_2d={sync_2d}; expected 0 '
                'and True: one draw moves the picture and all else')
        super().__init__(flip_ratio_bev_horizontal=flip_ratio_bev_horizontal,
                         **kwargs)
        self.projection = projection

    def transform(self, input_dict: dict) -> dict:
        if 'cam2img' not in input_dict:
            raise ConfigError(
                f'RandomFlip3D: {input_dict.get("img_path", "a sample")} has '
                'no cam2img, which a flip mirrors too')
        results = super().transform(input_dict)
        # The head compares it with its own.
        results['projection'] = self.projection
        return results

    def _flip(self, results: dict) -> None:
        super()._flip(results)
        for modality in beside_img(results):
            results[modality.name] = FLIPS[modality.flip](
                results[modality.name], results['flip_direction'], None)
        results['flipped_modalities'] = [
            'img', *(m.name for m in beside_img(results))
        ]

    def random_flip_data_3d(self, input_dict: dict,
                            direction: str = 'horizontal') -> None:
        # mmdet3d changes one number of the matrix, in place.
        before = np.array(input_dict['cam2img'], np.float64)
        input_dict['cam2img'] = before.copy()
        width = input_dict['img'].shape[1]
        if {'gt_bboxes_3d', 'points'} & input_dict.keys():
            super().random_flip_data_3d(input_dict, direction)
        elif 'centers_2d' in input_dict:
            # mmdet3d looks for points where there are no boxes.
            centres = input_dict['centers_2d']
            centres[..., 0] = width - centres[..., 0]
        if direction == 'horizontal':
            input_dict['cam2img'] = mirrored_camera(before, width,
                                                    self.projection)
