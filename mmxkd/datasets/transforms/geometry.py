"""One random draw moves the image, every other spatial modality and the boxes.

The transforms are mmdet's own, which draw and move ``img`` and the boxes.
What is added here moves the other modalities by what was drawn. A modality
that is not loaded is not missed: the same pipeline serves a student that sees
``img`` alone. :mod:`mmxkd.modalities` says how each is moved; what nobody
registered there stays where it is.
"""
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmdet.datasets.transforms import Pad as MMDET_Pad
from mmdet.datasets.transforms import RandomCrop as MMDET_RandomCrop
from mmdet.datasets.transforms import RandomFlip as MMDET_RandomFlip
from mmdet.datasets.transforms import Resize as MMDET_Resize

from mmxkd.errors import ConfigError
from mmxkd.modalities import Modality, present, spatial
from mmxkd.registry import TRANSFORMS

from .alignment import MovesTogether
from .moves import FLIPS, RESIZES, exchanges_sides, pad


def beside_img(results: dict) -> list[Modality]:
    """The spatial modalities of a sample that mmdet does not move itself."""
    return [m for m in spatial(results) if m.name != 'img']


def resize_beside_img(results: dict, **as_img: str) -> None:
    """Bring all other spatial modalities to the size of ``img``.

    Args:
        results (dict): A sample whose ``img`` was resized; ``img_shape`` says
            to what.
        **as_img (str): ``interpolation`` and ``backend`` of ``img``.
    """
    size = results['img_shape'][:2]
    for modality in beside_img(results):
        resize = RESIZES[modality.resize]
        results[modality.name] = resize(results[modality.name], size, **as_img)


class InFrame(MovesTogether):
    """Base of transforms that move a sample without ``img`` as one with it.

    mmdet's transforms take sizes from ``img``. A sample of a thermal picture
    alone, or of sound with boxes in the frame of a picture, gets a black one
    of that size while they run, and so do those that it is put together with.
    Write it before mmdet's class, and before a base that reads ``img``.

    Raises:
        ConfigError: The sample has no picture, and no ``img_shape``.
    """

    def transform(self, results: dict) -> Any:
        if 'img' in results:
            return super().transform(results)  # type: ignore[misc]
        samples = [
            sample for sample in (results, *results.get('mix_results', ()))
            if 'img' not in sample
        ]
        returned = None
        try:
            for sample in samples:
                sample['img'] = np.zeros(
                    (*frame_of(type(self).__name__, sample), 3), np.uint8)
            returned = super().transform(results)  # type: ignore[misc]
        finally:
            # Some return another dict.
            for sample in (*samples, returned or {}):
                sample.pop('img', None)
        return returned


def frame_of(name: str, results: dict) -> tuple[int, int]:
    """Height and width of the frame of a sample, with or without ``img``.

    Args:
        name (str): The transform, for an error.
        results (dict): The sample.

    Raises:
        ConfigError: The sample has no picture, and no ``img_shape``.
    """
    pictures = spatial(results)
    shape = (results[pictures[0].name].shape if pictures else
             results.get('img_shape'))
    if shape is None:
        raise ConfigError(
            f'{name}: the sample has neither a picture nor img_shape; '
            'mmxkd.LoadStoredSound gives that of the frame')
    return shape[0], shape[1]


@TRANSFORMS.register_module()
class Resize(InFrame, MMDET_Resize):
    """mmdet's ``Resize`` for every spatial modality of a sample.

    Dense ones such as ``gated`` are interpolated as ``img`` is and keep their
    dtype; sparse ones such as ``depth`` go through
    :func:`~mmxkd.datasets.transforms.resize_sparse`.

    A sample of sound alone has no picture, but boxes in the frame of one:
    its ``img_shape`` and boxes change as if the picture were there.
    """

    def _resize_img(self, results: dict) -> None:
        super()._resize_img(results)
        resize_beside_img(results, interpolation=self.interpolation,
                          backend=self.backend)


@TRANSFORMS.register_module()
class RandomFlip(InFrame, MMDET_RandomFlip):
    """mmdet's ``RandomFlip`` for every modality of a sample.

    A horizontal flip mirrors the scene, so that each microphone hears what
    its mirror image heard before. Which one that is, only the rig knows.
    Boxes of a sample without a picture are flipped in its frame.

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
                modality.name for modality in present(results)
            ]
        return results

    def _check_permutation(self, key: str, microphones: int) -> None:
        directions = ([self.direction] if isinstance(self.direction, str) else
                      self.direction)
        if not any(map(exchanges_sides, directions)):
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
class RandomCrop(InFrame, MMDET_RandomCrop):
    """mmdet's ``RandomCrop`` for every spatial modality of a sample."""

    # Not decorated with mmcv's cache_randomness: mmdet's is, and mmcv would
    # count the call twice, in mmdet's own class too.
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
class Pad(InFrame, MMDET_Pad):
    """mmdet's ``Pad`` for every spatial modality of a sample.

    The others are filled with ``pad_val[key]`` (a number, or one per
    channel), by default with the ``pad_value`` of the table: 0, which in a
    depth map is no value.
    """

    def _pad_img(self, results: dict) -> None:
        super()._pad_img(results)
        for modality in beside_img(results):
            fill = self.pad_val.get(modality.name, modality.pad_value)
            results[modality.name] = pad(results[modality.name],
                                         results['img_shape'], fill,
                                         self.padding_mode)
