"""Loading of depth that was published as a picture in JET colours."""
import numpy as np
from mmcv.transforms import BaseTransform

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.io.images import read_image
from mmxkd.registry import TRANSFORMS

from .adding import add_modality


@TRANSFORMS.register_module()
class LoadDepthPicture(BaseTransform):
    """Load a picture of depth in colours; it is never turned into metres.

    Each picture was stretched by its own range before it was coloured, so
    that equal colours of two frames are different depths.

    Required Keys:

    - depth_picture_path (str)
    - img (optional): if it is there, its size must be the picture's size

    Added Keys:

    - depth_picture (np.uint8): (H, W, 3), BGR, as published

    Args:
        to_float32 (bool): Whether it becomes float32, so that later steps do
            not round.
        backend_args (dict, optional): Of :func:`mmengine.fileio.get`.

    Raises:
        ConfigError: The data set knows of no such picture for a sample.
        CorruptSampleError: The file cannot be decoded, is not a picture in
            colours of 8 bits, or differs from ``img`` in size.

    Source: the method's sheet, section 2.2.
    """

    def __init__(self, to_float32: bool = False,
                 backend_args: dict | None = None) -> None:
        self.to_float32, self.backend_args = to_float32, backend_args

    def transform(self, results: dict) -> dict:
        path = results.get('depth_picture_path')
        if path is None:
            raise ConfigError('LoadDepthPicture: no depth_picture_path for '
                              f'{results.get("img_path", "this sample")}')
        picture = read_image(path, 'depth', self.backend_args)
        channels = picture.shape[2] if picture.ndim == 3 else 1
        if picture.dtype != np.uint8 or channels != 3:
            raise CorruptSampleError(
                path, 'depth', 'expected depth in JET colours, 3 channels of '
                f'uint8; found {channels} of {picture.dtype}')
        if (picture == picture[..., :1]).all():
            raise CorruptSampleError(
                path, 'depth', 'expected depth in JET colours; this picture '
                'is grey')
        if self.to_float32:
            picture = picture.astype(np.float32)
        return add_modality(results, 'depth_picture', picture, path)

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(to_float32={self.to_float32}, '
                f'backend_args={self.backend_args})')
