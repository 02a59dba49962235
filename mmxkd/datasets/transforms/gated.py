"""Loading of range-gated near-infrared slices."""
import numpy as np
from mmcv.transforms import BaseTransform

from mmxkd.errors import CorruptSampleError
from mmxkd.io.images import read_image
from mmxkd.registry import TRANSFORMS

from .adding import add_modality, size_of


@TRANSFORMS.register_module()
class LoadGatedSlices(BaseTransform):
    """Load the slices of a gated camera and stack them on the last axis.

    A gated camera opens its shutter for a window of delays after its flash,
    so that each slice shows one range of distances. The bit depth of the
    files is kept: 8 bits stay ``uint8``, 10 and 16 bits stay ``uint16``.

    Required Keys:

    - gated_paths (list[str]): one file per slice, in stack order
    - img (optional): if it is there, its size must be the slices' size

    Added Keys:

    - gated (np.uint8 | np.uint16): (H, W, S)

    Args:
        backend_args (dict, optional): Of :func:`mmengine.fileio.get`.

    Raises:
        CorruptSampleError: A slice cannot be decoded, is not a grey image, or
            differs from the first one or from ``img``.
    """

    def __init__(self, backend_args: dict | None = None) -> None:
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        paths = results['gated_paths']
        slices = [self._read_slice(path) for path in paths]
        first = slices[0]
        for path, image in zip(paths, slices, strict=True):
            if image.shape != first.shape or image.dtype != first.dtype:
                raise CorruptSampleError(
                    path, 'gated', f'is {_describe(image)}, but the first '
                    f'slice ({paths[0]}) is {_describe(first)}')
        stack = np.stack(slices, axis=-1)
        return add_modality(results, 'gated', stack, paths[0])

    def _read_slice(self, path: str) -> np.ndarray:
        image = read_image(path, 'gated', self.backend_args)
        if image.ndim == 2:
            return image
        # Some exports store the grey value in all three channels.
        if (image != image[..., :1]).any():
            raise CorruptSampleError(
                path, 'gated', 'expected a grey image, found '
                f'{image.shape[2]} channels that differ')
        return image[..., 0]

    def __repr__(self) -> str:
        return f'{type(self).__name__}(backend_args={self.backend_args})'


def _describe(image: np.ndarray) -> str:
    return f'{size_of(image)} {image.dtype}'
