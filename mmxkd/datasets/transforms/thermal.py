"""Loading of thermal pictures, and the part of their values that shows."""
import warnings

import numpy as np
from mmcv.transforms import BaseTransform

from mmxkd.errors import ConfigError, CorruptSampleError, is_range
from mmxkd.io.images import read_image
from mmxkd.registry import TRANSFORMS

from .adding import add_modality
from .alignment import keeps_pixels_in_place

_EIGHT_BITS = 255


@TRANSFORMS.register_module()
class LoadThermal(BaseTransform):
    """Load a thermal picture at its own bit depth.

    Required Keys:

    - thermal_path (str)
    - img (optional): if it is there, its size must be the picture's size

    Added Keys:

    - thermal (np.uint8 | np.uint16): (H, W)

    Args:
        backend_args (dict, optional): Of :func:`mmengine.fileio.get`.

    Raises:
        ConfigError: The data set knows of no thermal picture for a sample.
        CorruptSampleError: The file cannot be decoded, is not a grey picture
            of 8 or 16 bits, or differs from ``img`` in size.
    """

    def __init__(self, backend_args: dict | None = None) -> None:
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        path = results.get('thermal_path')
        if path is None:
            raise ConfigError('LoadThermal: no thermal_path for '
                              f'{results.get("img_path", "this sample")}')
        picture = read_image(path, 'thermal', self.backend_args)
        if picture.ndim == 3:
            # Some exports store the grey value in all three channels.
            if (picture != picture[..., :1]).any():
                raise CorruptSampleError(
                    path, 'thermal', 'expected a grey picture, found '
                    f'{picture.shape[2]} channels that differ')
            picture = picture[..., 0]
        if picture.dtype not in (np.uint8, np.uint16):
            raise CorruptSampleError(
                path, 'thermal', 'expected 8 or 16 bits, found '
                f'{picture.dtype}')
        return add_modality(results, 'thermal', picture, path)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(backend_args={self.backend_args})'


@keeps_pixels_in_place
@TRANSFORMS.register_module()
class StretchThermal(BaseTransform):
    """Stretch the values of each thermal picture to 0..255.

    Values outside of the window are clamped first. The darkest and the
    brightest value that are left become 0 and 255; what is between is
    rounded, as published. It stands behind what cuts the picture, since the
    values of the whole picture count.

    Required Keys:

    - thermal (np.uint8 | np.uint16): (H, W)

    Modified Keys:

    - thermal (np.float32): whole numbers, 0 to 255

    Args:
        window (tuple[int, int], optional): Lowest and highest value that
            shows, of 16 bits. None: the picture is stretched as it is, which
            is what one of 8 bits needs.

    Raises:
        ConfigError: The window is empty, or there is no thermal picture.
        CorruptSampleError: With a window, the picture has 8 bits: the
            published window blackens it. Or it was stretched before.

    Source: the method's sheet, sections 2.2 and 11-E3.
    """

    def __init__(
        self, window: tuple[int, int] | None = (21800, 25000)) -> None:
        if window is not None and not (is_range(window)
                                       and window[0] < window[1]):
            raise ConfigError(f'StretchThermal: window={window!r}, expected a '
                              'lower and a higher value')
        self.window = window

    def transform(self, results: dict) -> dict:
        if 'thermal' not in results:
            raise ConfigError('StretchThermal: the sample has no thermal; '
                              'mmxkd.LoadThermal loads it')
        picture = results['thermal']
        path = results.get('thermal_path', 'this sample')
        if picture.dtype not in (np.uint8, np.uint16):
            raise CorruptSampleError(
                path, 'thermal', f'is of {picture.dtype}, expected the values '
                'of the file, uint8 or uint16')
        results['thermal'] = self._stretch(picture, path)
        return results

    def _stretch(self, picture: np.ndarray, path: str) -> np.ndarray:
        if self.window is not None:
            # 8 bits in a file of 16 are 8 bits.
            if picture.max() <= _EIGHT_BITS:
                raise CorruptSampleError(
                    path, 'thermal', 'has 8 bits: its values end at '
                    f'{picture.max()}, so that window={self.window} would '
                    'make it black; StretchThermal(window=None) takes it as '
                    'it is')
            picture = np.clip(picture, *self.window)
        low, high = int(picture.min()), int(picture.max())
        if low == high:
            warnings.warn(
                f'{path}: the thermal picture shows nothing: all values are '
                f'{low} within window={self.window}; it becomes black',
                stacklevel=2)
            return np.zeros(picture.shape, np.float32)
        stretched = (picture.astype(np.float64) - low) * (255 / (high - low))
        return np.rint(stretched).astype(np.float32)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(window={self.window})'
