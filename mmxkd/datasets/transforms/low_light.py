"""Pictures as a camera takes them with little light."""
import hashlib
from collections.abc import Sequence
from os.path import basename

import numpy as np
from mmcv.transforms import BaseTransform

from mmxkd.errors import ConfigError
from mmxkd.registry import TRANSFORMS

from .adding import add_modality
from .alignment import keeps_pixels_in_place

#: Exponent of sRGB, nearly: a pixel holds light to the power of 1 / 2.2.
GAMMA = 2.2
# Light in steps that are finer than those of a pixel, from the darkest on but
# one, and the pixel that each of them becomes.
_STEPS = 2**17
_PIXELS = np.round(
    (np.arange(_STEPS + 1) / _STEPS)**(1 / GAMMA) * 255).astype(np.uint8)


@keeps_pixels_in_place
@TRANSFORMS.register_module()
class LowLight(BaseTransform):
    """Make ``img`` dark and noisy, and keep it as it was as ``clean``.

    Any colour pictures become a pair of modalities: a teacher sees ``clean``
    (and ``img``), its student ``img`` alone.

    A pixel counts electrons: its light, times the share of light that is
    left, times ``electrons``. Their number varies as that of a Poisson
    process, and the amplifier adds noise: together a Gaussian whose variance
    is the expected number plus ``read_noise`` squared, of each pixel and
    colour alone. Source: Foi et al., "Practical Poissonian-Gaussian Noise
    Modeling and Fitting for Single-Image Raw-Data", IEEE TIP 2008, §II.

    Put it right behind the loader, before the picture is moved.

    Required Keys:

    - img (np.uint8): (H, W, 3)
    - img_path (str): with a seed

    Modified Keys:

    - img (np.uint8): (H, W, 3)

    Added Keys:

    - clean (np.uint8): (H, W, 3), unless ``keep`` is empty

    Args:
        light (Sequence[float]): Least and largest share of the light, above 0
            and up to 1; drawn for each picture, evenly in its logarithm.
        electrons (float): What a white pixel counts with all light.
        read_noise (float): Standard deviation of the amplifier, electrons.
        seed (int, optional): With it, a picture always looks the same: its
            numbers depend on the seed and the name of its file, without the
            folders, and on nothing else. Without, they are drawn anew each
            time from numpy's generator, as an augmentation.
        keep (str): The modality that gets the picture as it was; empty: none.

    Raises:
        ConfigError: A number is out of its range, or the sample has no
            picture of 8 bits.
    """

    def __init__(self, light: Sequence[float] = (0.02, 0.1),
                 electrons: float = 1000., read_noise: float = 3.,
                 seed: int | None = None, keep: str = 'clean') -> None:
        if len(light) != 2 or not 0 < light[0] <= light[1] <= 1:
            raise ConfigError(f'LowLight: light={light}, expected the least '
                              'and the largest share, above 0 and up to 1')
        if not 0 < electrons < 1e9 or not 0 <= read_noise < 1e9:
            raise ConfigError(
                f'LowLight: electrons={electrons}, read_noise={read_noise}; '
                'expected a number above 0, and one of 0 or more')
        if seed is not None and (type(seed) is not int or seed < 0):
            raise ConfigError(f'LowLight: seed={seed!r}, expected a whole '
                              'number of 0 or more, or None')
        self.light = tuple(light)
        self.electrons, self.read_noise = electrons, read_noise
        self.seed, self.keep = seed, keep

    def transform(self, results: dict) -> dict:
        image = results.get('img')
        if image is None or image.dtype != np.uint8:
            raise ConfigError(
                'LowLight: expected img of uint8, found '
                f'{"none" if image is None else image.dtype}; put it right '
                'behind the transform that loads it')
        rng = self._generator(results)
        if self.keep:
            path = results.get('img_path', 'img')
            add_modality(results, self.keep, image, path)
        results['img'] = self.darken(image, rng)
        return results

    def darken(self, image: np.ndarray,
               rng: np.random.Generator) -> np.ndarray:
        """A dark and noisy copy of (H, W, 3) uint8."""
        share = np.exp(rng.uniform(*np.log(self.light)))
        # Tables: only 256 values can be there.
        expected = (np.arange(256) / 255)**GAMMA * share * self.electrons
        spread = np.sqrt(expected + self.read_noise**2)
        seen = rng.standard_normal(image.shape, np.float32)
        seen *= (spread * (_STEPS / self.electrons)).astype(np.float32)[image]
        seen += (expected *
                 (_STEPS / self.electrons)).astype(np.float32)[image]
        np.clip(seen, 0, _STEPS, out=seen)
        return _PIXELS[np.rint(seen).astype(np.intp)]

    def _generator(self, results: dict) -> np.random.Generator:
        if self.seed is None:
            return np.random.default_rng(
                np.random.randint(2**31, size=4).tolist())
        name = basename(results['img_path'])
        digest = hashlib.sha256(name.encode()).digest()
        return np.random.default_rng(
            [self.seed, int.from_bytes(digest[:8], 'little')])

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(light={self.light}, '
                f'electrons={self.electrons}, read_noise={self.read_noise}, '
                f'seed={self.seed}, keep={self.keep!r})')
