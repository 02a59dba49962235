"""One random draw moves the image, every other spatial modality and the boxes.

The transforms are mmdet's own, which draw and move ``img`` and the boxes.
What is added here moves the other modalities by what was drawn. A modality
that is not loaded is not missed: the same pipeline serves a student that sees
``img`` alone. :mod:`mmxkd.modalities` says how each is moved; what nobody
registered there stays where it is.
"""
from collections.abc import Callable, Sequence

import mmcv
import numpy as np
from mmcv.transforms.utils import cache_randomness
from mmdet.datasets.transforms import Pad as MMDET_Pad
from mmdet.datasets.transforms import RandomCrop as MMDET_RandomCrop
from mmdet.datasets.transforms import RandomFlip as MMDET_RandomFlip
from mmdet.datasets.transforms import Resize as MMDET_Resize

from mmxkd.errors import ConfigError
from mmxkd.modalities import Modality, present, spatial
from mmxkd.registry import TRANSFORMS


def beside_img(results: dict) -> list[Modality]:
    """The spatial modalities of a sample that mmdet does not move itself."""
    return [m for m in spatial(results) if m.name != 'img']


def resize_sparse(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize a map with holes so that only its own values appear.

    Growing repeats values. Where several pixels fall into one, the smallest
    value that is there wins, which in a depth map is the nearest surface; so
    a lone LiDAR point survives, where nearest-neighbour sampling drops most.

    Args:
        values (np.ndarray): (H, W) or (H, W, C), 0 = no value. Each channel
            is resized by itself.
        size (tuple[int, int]): Height and width of the result.

    Returns:
        np.ndarray: (*size) or (*size, C), of the same dtype.

    Examples:
        >>> depth = np.array([[0., 7., 0., 0.],
        ...                   [9., 0., 0., 3.]], np.float32)
        >>> resize_sparse(depth, (1, 2))
        array([[7., 3.]], dtype=float32)
    """
    if values.ndim == 3:
        return np.stack([
            resize_sparse(channel, size)
            for channel in np.moveaxis(values, -1, 0)
        ], axis=-1)
    height, width = np.maximum(values.shape, size).tolist()
    grown = mmcv.imresize(values, (width, height), interpolation='nearest')
    rows = np.arange(height) * size[0] // height
    columns = np.arange(width) * size[1] // width
    y, x = np.nonzero(grown)
    resized = np.full(size, np.inf)
    np.minimum.at(resized, (rows[y], columns[x]), grown[y, x])
    resized[np.isinf(resized)] = 0
    return resized.astype(values.dtype)


def _resize_linear(values: np.ndarray, size: tuple[int, int],
                   **as_img: str) -> np.ndarray:
    resized = mmcv.imresize(values, size[::-1], **as_img)
    # OpenCV drops a last axis of length 1.
    return resized.reshape(*size, *values.shape[2:])


#: Each rule of the table that moves something, as a function of an array, its
#: new height and width, and how ``img`` is interpolated.
RESIZES: dict[str, Callable[..., np.ndarray]] = {
    'linear': _resize_linear,
    'valid_minimum': lambda values, size, **as_img: resize_sparse(
        values, size),
}


@TRANSFORMS.register_module()
class Resize(MMDET_Resize):
    """mmdet's ``Resize`` for every spatial modality of a sample.

    Dense ones such as ``gated`` are interpolated as ``img`` is and keep their
    dtype; sparse ones such as ``depth`` go through :func:`resize_sparse`.
    """

    def _resize_img(self, results: dict) -> None:
        super()._resize_img(results)
        height, width = results['img_shape']
        for modality in beside_img(results):
            resize = RESIZES[modality.resize]
            results[modality.name] = resize(results[modality.name],
                                            (height, width),
                                            interpolation=self.interpolation,
                                            backend=self.backend)


def _exchanges_sides(direction: str) -> bool:
    return direction in ('horizontal', 'diagonal')


def _permute(sound: np.ndarray, direction: str,
             permutation: Sequence[int]) -> np.ndarray:
    return sound[list(permutation)] if _exchanges_sides(direction) else sound


#: Each rule of the table, as a function of an array, the direction and the
#: permutation of the microphones.
FLIPS: dict[str, Callable[..., np.ndarray]] = {
    'mirrored': lambda values, direction, _: mmcv.imflip(values, direction),
    'microphones': _permute,
}


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

    def __init__(self, *args,
                 microphone_permutation: Sequence[int] | None = None,
                 **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.microphone_permutation = microphone_permutation

    def transform(self, results: dict) -> dict:
        for modality in present(results):
            if modality.flip == 'microphones':
                self._check_permutation(modality.name,
                                        len(results[modality.name]))
        results = super().transform(results)
        # The packing transform refuses a sample of which a part was left.
        if results['flip']:
            results['flipped_modalities'] = [
                modality.name for modality in spatial(results)
            ]
        return results

    def _check_permutation(self, key: str, microphones: int) -> None:
        directions = ([self.direction] if isinstance(self.direction, str) else
                      self.direction)
        if not any(map(_exchanges_sides, directions)):
            return
        if sorted(self.microphone_permutation
                  or []) != list(range(microphones)):
            raise ConfigError(
                f'RandomFlip: a sample with {key!r} cannot be flipped '
                'horizontally without microphone_permutation, a permutation '
                f'of 0..{microphones - 1}; got {self.microphone_permutation}')

    def _flip(self, results: dict) -> None:
        super()._flip(results)
        direction = results['flip_direction']
        for modality in present(results):
            # mmdet has flipped this one.
            if modality.name != 'img':
                flip = FLIPS[modality.flip]
                results[modality.name] = flip(results[modality.name],
                                              direction,
                                              self.microphone_permutation)


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
        for modality in beside_img(cropped):
            whole = cropped[modality.name]
            cropped[modality.name] = whole[y:y + crop_size[0],
                                           x:x + crop_size[1]]
        return cropped


@TRANSFORMS.register_module()
class Pad(MMDET_Pad):
    """mmdet's ``Pad`` for every spatial modality of a sample.

    The others are filled with ``pad_val[key]`` (a number, or one per
    channel), by default with the ``pad_value`` of the table: 0, which in a
    depth map is no value.
    """

    def _pad_img(self, results: dict) -> None:
        super()._pad_img(results)
        for modality in beside_img(results):
            fill = self.pad_val.get(modality.name, modality.pad_value)
            results[modality.name] = _pad(results[modality.name],
                                          results['img_shape'], fill,
                                          self.padding_mode)


def _pad(values: np.ndarray, size: tuple[int, int],
         fill: float | Sequence[float], mode: str) -> np.ndarray:
    channels = values.reshape(*values.shape[:2], -1)
    fills = np.broadcast_to(fill, channels.shape[2]).tolist()
    # One by one: OpenCV fills only the first channel with a single number,
    # and refuses more than four.
    padded = [
        mmcv.impad(channels[..., i], shape=size, pad_val=fills[i],
                   padding_mode=mode) for i in range(len(fills))
    ]
    return np.stack(padded, axis=-1).reshape(*size, *values.shape[2:])
