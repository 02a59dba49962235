"""Loading of depth maps."""
from mmcv.transforms import BaseTransform

from mmxkd.errors import ConfigError
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

    Raises:
        ConfigError: The data set knows of no depth map for a sample.
        CorruptSampleError: The file cannot be decoded, is not one channel of
            16 bits, or differs from ``img`` in size.
    """

    def __init__(self, backend_args: dict | None = None) -> None:
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        if 'depth_path' not in results:
            raise ConfigError(
                'LoadDepth: no depth_path for '
                f'{results.get("img_path", "this sample")}; '
                'tools/dataset_converters/kitti.py --depth writes depth maps')
        path = results['depth_path']
        depth = read_depth(path, self.backend_args)
        return add_modality(results, 'depth', depth, path)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(backend_args={self.backend_args})'
