"""Loading of depth maps."""
import numpy as np
from mmcv.transforms import BaseTransform

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.kitti import KittiCalibration, project_depth, read_scan
from mmxkd.formats.kitti.depth_maps import read_depth
from mmxkd.registry import TRANSFORMS

from .adding import add_modality


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
        pad_to_img (bool): Take a map that is smaller than ``img`` for a crop
            at its bottom centre, as those of depth completion are, and
            repeat its border (DID-M3D's rule). Default: refused.

    Raises:
        ConfigError: The data set knows of no depth map for a sample.
        CorruptSampleError: The file cannot be decoded, is not one channel of
            16 bits, holds no depth at all, or differs from ``img`` in size.
    """

    def __init__(self, backend_args: dict | None = None,
                 pad_to_img: bool = False) -> None:
        self.backend_args, self.pad_to_img = backend_args, pad_to_img

    def transform(self, results: dict) -> dict:
        if 'depth_path' not in results:
            raise ConfigError(
                'LoadDepth: no depth_path for '
                f'{results.get("img_path", "this sample")}: its data set does '
                'not say where depth maps lie. mmxkd.MonoKittiDataset says it '
                '(3-D), and so does `beside` of mmxkd.ScoredCocoDataset and '
                'mmxkd.CheckedCocoDataset (2-D)')
        path = results['depth_path']
        depth = read_depth(path, self.backend_args)
        if not depth.any():
            raise CorruptSampleError(
                path, 'depth', 'no pixel has a depth; the scan or the '
                'calibration that it was made of is not that of this frame')
        if self.pad_to_img and 'img' in results:
            depth = pad_crop(depth, results['img'].shape[:2])
        return add_modality(results, 'depth', depth, path)

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(backend_args={self.backend_args}, '
                f'pad_to_img={self.pad_to_img})')


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
        CorruptSampleError: The scan cannot be read.
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
        mounted = KittiCalibration(
            np.asarray(results['cam2img'])[:3], np.eye(3),
            np.asarray(results['lidar2cam'])[:3])
        depth = project_depth(read_scan(path), mounted, *size)
        return add_modality(results, 'depth', depth, path)

    def __repr__(self) -> str:
        return f'{type(self).__name__}()'
