"""One random draw moves the image, every other spatial modality and the boxes.

The transforms are mmdet's own, which draw and move ``img`` and the boxes.
What is added here moves the other modalities by what was drawn. A modality
that is not loaded is not missed: the same pipeline serves a student that sees
``img`` alone.
"""
from collections.abc import Sequence

import mmcv
import numpy as np
from mmcv.transforms.utils import cache_randomness
from mmdet.datasets.transforms import Pad as MMDET_Pad
from mmdet.datasets.transforms import RandomCrop as MMDET_RandomCrop
from mmdet.datasets.transforms import RandomFlip as MMDET_RandomFlip
from mmdet.datasets.transforms import Resize as MMDET_Resize

from mmxkd.errors import ConfigError
from mmxkd.registry import TRANSFORMS

#: Images beside ``img``, which may be blended when they are resized.
DENSE_KEYS = ('gated', 'thermal')
#: Maps with holes (0 = no value), whose values must never be blended.
SPARSE_KEYS = ('depth', )
#: Sounds, whose channels are microphones.
SOUND_KEYS = ('audio', 'spectrogram')


def spatial_keys(results: dict) -> list[str]:
    """The spatial modalities beside ``img`` that a sample holds."""
    return [key for key in DENSE_KEYS + SPARSE_KEYS if key in results]


def resize_sparse(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize a map with holes so that only its own values appear.

    Growing repeats values. Where several pixels fall into one, the smallest
    value that is there wins, which in a depth map is the nearest surface; so
    a lone LiDAR point survives, where nearest-neighbour sampling drops most.

    Args:
        values (np.ndarray): (H, W), 0 = no value.
        size (tuple[int, int]): Height and width of the result.

    Returns:
        np.ndarray: (*size), of the same dtype.

    Examples:
        >>> depth = np.array([[0., 7., 0., 0.],
        ...                   [9., 0., 0., 3.]], np.float32)
        >>> resize_sparse(depth, (1, 2))
        array([[7., 3.]], dtype=float32)
    """
    height, width = np.maximum(values.shape[:2], size).tolist()
    grown = mmcv.imresize(values, (width, height), interpolation='nearest')
    rows = np.arange(height) * size[0] // height
    columns = np.arange(width) * size[1] // width
    y, x = np.nonzero(grown)
    resized = np.full(size, np.inf)
    np.minimum.at(resized, (rows[y], columns[x]), grown[y, x])
    resized[np.isinf(resized)] = 0
    return resized.astype(values.dtype)


@TRANSFORMS.register_module()
class Resize(MMDET_Resize):
    """mmdet's ``Resize`` for every spatial modality of a sample.

    ``gated`` and ``thermal`` are interpolated as ``img`` is and keep their
    dtype; ``depth`` goes through :func:`resize_sparse`.
    """

    def _resize_img(self, results: dict) -> None:
        super()._resize_img(results)
        height, width = results['img_shape']
        for key in spatial_keys(results):
            value = results[key]
            if key in SPARSE_KEYS:
                results[key] = resize_sparse(value, (height, width))
                continue
            resized = mmcv.imresize(
                value, (width, height),
                interpolation=self.interpolation,
                backend=self.backend)
            # OpenCV drops a last axis of length 1.
            results[key] = resized.reshape(height, width, *value.shape[2:])


@TRANSFORMS.register_module()
class RandomFlip(MMDET_RandomFlip):
    """mmdet's ``RandomFlip`` for every modality of a sample.

    A horizontal flip mirrors the scene, so that each microphone hears what
    its mirror image heard before. Which one that is, only the rig knows.

    Args:
        *args: Of mmdet's ``RandomFlip``.
        microphone_permutation (Sequence[int], optional): For each microphone
            the index of the one at its mirrored place.
        **kwargs: Of mmdet's ``RandomFlip``.

    Raises:
        ConfigError: A sample with sound meets a transform that may flip
            horizontally and has no valid permutation, whether or not this
            sample was drawn to be flipped.
    """

    def __init__(self,
                 *args,
                 microphone_permutation: Sequence[int] | None = None,
                 **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.microphone_permutation = microphone_permutation

    def transform(self, results: dict) -> dict:
        for key in SOUND_KEYS:
            if key in results:
                self._check_permutation(key, len(results[key]))
        results = super().transform(results)
        # The packing transform refuses a sample of which a part was left.
        if results['flip']:
            results['flipped_modalities'] = ['img', *spatial_keys(results)]
        return results

    def _mirrors(self, directions: Sequence[str]) -> bool:
        return bool({'horizontal', 'diagonal'} & set(directions))

    def _check_permutation(self, key: str, microphones: int) -> None:
        directions = ([self.direction]
                      if isinstance(self.direction, str) else self.direction)
        if not self._mirrors(directions):
            return
        if sorted(self.microphone_permutation or []) != list(
                range(microphones)):
            raise ConfigError(
                f'RandomFlip: a sample with {key!r} cannot be flipped '
                'horizontally without microphone_permutation, a permutation '
                f'of 0..{microphones - 1}; got {self.microphone_permutation}')

    def _flip(self, results: dict) -> None:
        super()._flip(results)
        direction = results['flip_direction']
        for key in spatial_keys(results):
            results[key] = mmcv.imflip(results[key], direction=direction)
        if self._mirrors([direction]):
            for key in SOUND_KEYS:
                if key in results:
                    results[key] = results[key][self.microphone_permutation]


@TRANSFORMS.register_module()
class RandomCrop(MMDET_RandomCrop):
    """mmdet's ``RandomCrop`` for every spatial modality of a sample."""

    @cache_randomness
    def _rand_offset(self, margin: tuple[int, int]) -> tuple[int, int]:
        self._offset = super()._rand_offset(margin)
        return self._offset

    def _crop_data(self, results: dict, crop_size: tuple[int, int],
                   allow_negative_crop: bool) -> dict | None:
        cropped = super()._crop_data(results, crop_size, allow_negative_crop)
        if cropped is None:
            return None
        y, x = self._offset
        for key in spatial_keys(cropped):
            cropped[key] = cropped[key][y:y + crop_size[0],
                                        x:x + crop_size[1]]
        return cropped


@TRANSFORMS.register_module()
class Pad(MMDET_Pad):
    """mmdet's ``Pad`` for every spatial modality of a sample.

    The others are filled with ``pad_val[key]``, 0 by default, which in a
    depth map means that there is no value.
    """

    def _pad_img(self, results: dict) -> None:
        super()._pad_img(results)
        for key in spatial_keys(results):
            value = results[key]
            padded = mmcv.impad(
                value,
                shape=results['img_shape'],
                pad_val=self.pad_val.get(key, 0),
                padding_mode=self.padding_mode)
            results[key] = padded.reshape(*results['img_shape'],
                                          *value.shape[2:])
