"""The strict loader of colour images."""
import numpy as np
from mmcv.transforms import BaseTransform

from mmxkd.errors import CorruptSampleError
from mmxkd.io.images import read_image
from mmxkd.modalities import get_modality
from mmxkd.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadImageFromFile(BaseTransform):
    """Load a colour image, or refuse it; never repair it in silence.

    mmcv's transform of the same name turns 16 bits into 8, colour into grey
    and back, and a broken file into ``None`` where ``ignore_empty`` is set,
    after which the data set puts another sample in its place. This one takes
    three channels of 8 bits and raises on all else. It keeps mmcv's name
    because mmdet's ``DetInferencer`` looks for that name in a test pipeline:
    write ``dict(type='LoadImageFromFile', _scope_='mmxkd')``.

    Required Keys:

    - img_path (str)

    Added Keys:

    - img (np.uint8): (H, W, 3), BGR
    - img_shape, ori_shape (tuple[int, int]): (H, W)

    Args:
        backend_args (dict, optional): Of :func:`mmengine.fileio.get`.

    Raises:
        CorruptSampleError: The file cannot be decoded, or is not a colour
            image of 8 bits.
    """

    def __init__(self, backend_args: dict | None = None) -> None:
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        path = results['img_path']
        img = read_image(path, 'img', self.backend_args)
        channels = img.shape[2] if img.ndim == 3 else 1
        expected = get_modality('img').channels
        if img.dtype != np.uint8 or channels != expected:
            raise CorruptSampleError(
                path, 'img', f'expected {expected} channels of uint8, '
                f'found {channels} of {img.dtype}')
        results['img'] = img
        results['img_shape'] = results['ori_shape'] = img.shape[:2]
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(backend_args={self.backend_args})'
