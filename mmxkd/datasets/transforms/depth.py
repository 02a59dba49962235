"""Loading of depth maps."""
from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.kitti import KittiCalibration, project_depth, read_scan
from mmxkd.formats.kitti.depth_maps import read_depth
from mmxkd.formats.kitti.infos import as_matrix, as_projection
from mmxkd.registry import TRANSFORMS

from .adding import add_modality

#: Height and width of KITTI's maps after completion: crops of the picture.
COMPLETED = (352, 1216)


@TRANSFORMS.register_module()
class LoadDepth(BaseTransform):
    """Load a depth map: 16-bit PNG in 1/256 metre, 0 = no value.

    Sparse (projected LiDAR) or dense (completed) alike. The geometry
    transforms of this package move it with ``img`` and never blend it, so
    that a depth is always one that was measured and a hole stays a hole.

    Required Keys:

    - depth_path (str)
    - img (optional): if it is there, its size must be the map's size

    Added Keys:

    - depth (np.float32): (H, W), metres, 0 = no value

    Args:
        backend_args (dict, optional): Of :func:`mmengine.fileio.get`.
        pad_to_img (bool | Sequence[int]): Height and width of maps that are
            crops of ``img`` at its bottom centre; their border is repeated
            (DID-M3D's rule). True: 352 and 1216, the size at which depth
            completion on KITTI is published. Maps of any other size than
            these and ``img``'s are refused. Default: no crops.

    Raises:
        ConfigError: The data set knows of no depth map for a sample.
            Or ``pad_to_img`` is not a size.
        CorruptSampleError: The file cannot be decoded, is not one channel of
            16 bits, holds no depth at all, or differs from ``img`` in size.
    """

    def __init__(self, backend_args: dict | None = None,
                 pad_to_img: bool | Sequence[int] = False) -> None:
        self.backend_args, self.pad_to_img = backend_args, pad_to_img
        self.crop = _crop_size(pad_to_img)

    def transform(self, results: dict) -> dict:
        path = results.get('depth_path')
        if path is None:
            raise ConfigError(
                'LoadDepth: no depth_path for '
                f'{results.get("img_path", "this sample")}: its data set does '
                'not say where depth maps lie. mmxkd.MonoKittiDataset says it '
                '(3-D), and so does `beside` of mmxkd.ScoredCocoDataset and '
                'mmxkd.CheckedCocoDataset (2-D)')
        depth = read_depth(path, self.backend_args)
        _check_any(depth, path)
        if depth.shape == self.crop and 'img' in results:
            depth = pad_crop(depth, results['img'].shape[:2])
        return add_modality(results, 'depth', depth, path)

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(backend_args={self.backend_args}, '
                f'pad_to_img={self.pad_to_img})')


def _crop_size(value: Any) -> tuple[int, int] | None:
    if isinstance(value, bool):
        return COMPLETED if value else None
    if isinstance(value, (list, tuple)) and len(value) == 2 and all(
            isinstance(side, int) and side > 0 for side in value):
        return value[0], value[1]
    raise ConfigError(f'LoadDepth: pad_to_img={value!r}, expected True, False '
                      'or the height and width of the crops')


def _check_any(depth: np.ndarray, path: str | PathLike) -> None:
    if not depth.any():
        raise CorruptSampleError(
            path, 'depth', 'no pixel has a depth; the scan or the '
            'calibration that it was made of is not that of this frame')


def pad_crop(depth: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Undo a crop at the bottom centre, by repeating the border.

    Args:
        depth (np.ndarray): (h, w).
        size (tuple[int, int]): Height and width of the picture.

    Returns:
        np.ndarray: (H, W); the map itself where it is larger in one of them.

    Examples:
        >>> pad_crop(np.array([[1., 2.]]), (2, 5)).tolist()
        [[1.0, 1.0, 2.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0, 2.0]]
    """
    missing = size[0] - depth.shape[0], size[1] - depth.shape[1]
    if min(missing) < 0:
        return depth
    left = missing[1] // 2
    return np.pad(depth, ((missing[0], 0), (left, missing[1] - left)), 'edge')


@TRANSFORMS.register_module()
class ProjectDepth(BaseTransform):
    """Project a LiDAR scan into the picture, where no depth map was written.

    Required Keys:

    - img: tells the size of the map
    - lidar_path (str)
    - cam2img, lidar2cam: (3, 4) or (4, 4), of the picture as it is on disk

    Added Keys:

    - depth (np.float32): (H, W), metres, 0 = no value

    Raises:
        ConfigError: The data set does not say where the scan is, or how the
            sensors are mounted; or the picture was moved before.
        CorruptSampleError: The scan cannot be read, or nothing of it lies in
            the picture.
    """

    def transform(self, results: dict) -> dict:
        for key in ('lidar_path', 'cam2img', 'lidar2cam', 'img'):
            if key not in results:
                raise ConfigError(
                    f'ProjectDepth: no {key} for '
                    f'{results.get("img_path", "this sample")}; a data set '
                    'with calibration gives it, and a loader the picture')
        path, size = results['lidar_path'], results['img'].shape[:2]
        if tuple(results.get('ori_shape', size)[:2]) != size:
            raise ConfigError('ProjectDepth: the picture has another size '
                              'than on disk; write it before the geometry')
        if results.get('flip'):
            # A camera of a mirrored scene, and a scan that is not.
            raise ConfigError('ProjectDepth: the picture was flipped before; '
                              'write it before the geometry')
        mounted = _calibration_of(results)
        depth = project_depth(read_scan(path), mounted, *size)
        _check_any(depth, path)
        return add_modality(results, 'depth', depth, path)

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'


def _calibration_of(results: dict) -> KittiCalibration:
    where = results.get('img_path', 'this sample')
    camera = as_projection(results['cam2img'])
    mounting = as_matrix(results['lidar2cam'], (3, 4), (4, 4))
    if camera is None or mounting is None:
        raise ConfigError(
            f'ProjectDepth: {where}: cam2img or lidar2cam is no matrix of '
            'finite numbers; expected (3, 4) or (4, 4) each')
    return KittiCalibration(camera, np.eye(3), mounting[:3])
