"""Colour jitter of monocular detectors."""
import numpy as np
from mmcv.transforms import BaseTransform

from mmxkd.datasets.transforms import keeps_pixels_in_place
from mmxkd.errors import check_number
from mmxkd.registry import TRANSFORMS

# Principal components of ImageNet's colours, on [0, 1] RGB.
_VALUES = np.array([0.2175, 0.0188, 0.0045])
_VECTORS = np.array([[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140],
                     [-0.5836, -0.6948, 0.4203]])
_GREY = np.array([0.114, 0.587, 0.299], np.float32)


@keeps_pixels_in_place
@TRANSFORMS.register_module()
class ColourJitter(BaseTransform):
    """Brightness, contrast and saturation in random order, then lighting.

    Each by a factor of 1 ± ``strength``; the lighting adds a normal multiple
    of the principal components of ImageNet's colours. Nothing is clipped, so
    the picture becomes float32, still in units of 0..255, BGR.

    As MonoSKD and MonoDistill have it: after the affine transform, before
    normalising.

    Args:
        strength (float): Of the three, in [0, 1].
        lighting (float): Standard deviation of the multiples.

    Raises:
        ConfigError: A number is out of range.
    """

    def __init__(self, strength: float = 0.4, lighting: float = 0.1) -> None:
        check_number('ColourJitter: strength', strength, 0, 1)
        check_number('ColourJitter: lighting', lighting, 0)
        self.strength, self.lighting = strength, lighting

    def transform(self, results: dict) -> dict:
        picture = results['img'].astype(np.float32) / 255
        grey = picture @ _GREY
        mean = grey.mean()
        for change in np.random.permutation(3):
            factor = 1 + np.random.uniform(-self.strength, self.strength)
            picture *= np.float32(factor)
            # All three are blends with: black, the mean grey, each grey.
            if change == 1:
                picture += np.float32((1 - factor) * mean)
            elif change == 2:
                picture += np.float32(1 - factor) * grey[..., None]
        rgb = _VECTORS @ (_VALUES * np.random.normal(0, self.lighting, 3))
        results['img'] = (picture + rgb[::-1].astype(np.float32)) * 255
        return results

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(strength={self.strength}, '
                f'lighting={self.lighting})')
