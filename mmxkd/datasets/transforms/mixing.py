"""Transforms that make one sample of several, in all modalities alike.

mmdet puts ``img`` and the boxes together. The parts of the other modalities
go to the same places: dense ones as ``img`` does; in sparse ones, where two
scenes overlap, the smaller value stays, in a depth map the nearer surface.
"""
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmdet.datasets import transforms as mmdet_transforms

from mmxkd.errors import ConfigError
from mmxkd.modalities import Modality, present
from mmxkd.registry import TRANSFORMS

from .alignment import MovesTogether, inherit_faults
from .geometry import InFrame, beside_img
from .moves import RESIZES, Window, blank, nearer
from .one_source import check_one_source


class _Mixes(MovesTogether, BaseTransform):
    """What mosaics and mix-ups have in common."""

    # The sample that others are put to.
    _first: dict

    def _check_sources(self, others: Sequence[dict]) -> None:
        """Before mmdet puts their boxes together."""
        check_one_source(type(self).__name__, [self._first, *others])

    def _check(self, samples: Sequence[dict]) -> None:
        """Refuse samples that cannot be put together."""
        name = type(self).__name__
        for modality in present(samples[0]):
            if not modality.spatial:
                raise ConfigError(
                    f'{name}: {modality.name!r} of several scenes cannot be '
                    'put together; leave it out, or do not load it')
            for sample in samples[1:]:
                if modality.name not in sample:
                    raise ConfigError(
                        f'{name}: {sample.get("img_path", "a sample")} has no '
                        f'{modality.name!r}, but the sample that it is put '
                        'together with has')


class _Mosaics(_Mixes):
    """Base of those that derive from one of mmdet's mosaics too."""

    # One per sample: where it was pasted, and which part of it.
    _windows: list[tuple[tuple[int, int], Window]]
    _others: Sequence[dict]

    def transform(self, results: dict) -> dict:
        self._windows, self._first = [], results
        self._others = results.get('mix_results', ())
        self._check_sources(self._others)
        whole = dict(results)
        results = super().transform(results)
        if not self._windows:
            return results
        samples = [whole, *self._others]
        self._check(samples)
        inherit_faults(results, self._others)
        for modality in beside_img(whole):
            results[modality.name] = self._mosaic(
                modality, [sample[modality.name] for sample in samples])
        return results

    def _mosaic(self, modality: Modality,
                parts: Sequence[np.ndarray]) -> np.ndarray:
        resize = RESIZES[modality.resize]
        mosaic = blank(parts[0], self._windows[0][1].canvas,
                       modality.pad_value)
        for values, (size, window) in zip(parts, self._windows, strict=True):
            (y, x), (height, width) = window.source, window.size
            window.paste(mosaic,
                         resize(values, size)[y:y + height, x:x + width])
        return mosaic

    def _mosaic_combine(self, loc: str, center_position_xy: Sequence[float],
                        img_shape_wh: Sequence[int]) -> tuple:
        coordinates = super()._mosaic_combine(loc, center_position_xy,
                                              img_shape_wh)
        (left, top, right, bottom), (x, y, *_) = coordinates
        canvas = (int(self.img_scale[1] * 2), int(self.img_scale[0] * 2))
        self._windows.append(((img_shape_wh[1], img_shape_wh[0]),
                              Window(canvas, (top, left), (y, x),
                                     (bottom - top, right - left))))
        return coordinates


@TRANSFORMS.register_module()
class Mosaic(InFrame, _Mosaics, mmdet_transforms.Mosaic):
    """mmdet's ``Mosaic`` for every spatial modality of four samples.

    ``pad_val`` is of ``img``; the others are filled with the ``pad_value`` of
    the table.

    Raises:
        ConfigError: There are sounds, one of the samples lacks a modality, or
            they have labels of different sources.
    """


@TRANSFORMS.register_module()
class CachedMosaic(InFrame, _Mosaics, mmdet_transforms.CachedMosaic):
    """mmdet's ``CachedMosaic`` for every spatial modality of four samples.

    As :class:`mmxkd.Mosaic`.
    """

    def get_indexes(self, cache: list) -> list:
        indexes = super().get_indexes(cache)
        self._others = [cache[index] for index in indexes]
        self._check_sources(self._others)
        return indexes


@dataclass(frozen=True)
class _Draw:
    """What a mix-up does to the sample that it mixes in.

    Attributes:
        scale (tuple[int, int]): Height and width that it is fitted into.
        jitter (float): By which this is resized again.
        flip (bool): Whether it is mirrored.
        offset (tuple[int, int]): Row and column of what is cut out.
    """

    scale: tuple[int, int]
    jitter: float
    flip: bool
    offset: tuple[int, int]

    def of(self, modality: Modality, values: np.ndarray,
           size: tuple[int, int]) -> np.ndarray:
        """What a modality of that sample becomes, of a height and width."""
        resize, fill = RESIZES[modality.resize], modality.pad_value
        height, width = values.shape[:2]
        ratio = min(self.scale[0] / height, self.scale[1] / width)
        fitted = resize(values, (int(height * ratio), int(width * ratio)))
        canvas = blank(values, self.scale, fill)
        canvas[:fitted.shape[0], :fitted.shape[1]] = fitted
        canvas = resize(canvas, self.jittered)
        if self.flip:
            canvas = canvas[:, ::-1]
        padded = blank(
            values,
            (max(self.jittered[0], size[0]), max(self.jittered[1], size[1])),
            fill)
        padded[:canvas.shape[0], :canvas.shape[1]] = canvas
        y, x = self.offset
        return padded[y:y + size[0], x:x + size[1]]

    @property
    def jittered(self) -> tuple[int, int]:
        """Height and width after the second resize."""
        return (int(self.scale[0] * self.jitter),
                int(self.scale[1] * self.jitter))


class _MixUps(_Mixes):
    """Base of those that derive from one of mmdet's mix-ups too."""

    # The generator before the draws of mmdet's method, and the other sample.
    _state: dict[str, Any]
    _other: dict

    def _keep(self, other: dict) -> None:
        """Remember what the draws start from."""
        self._check_sources([other])
        self._other = other
        # mmdet's `random` is numpy's.
        self._state = np.random.get_state(legacy=False)

    def transform(self, results: dict) -> dict:
        self._first = results
        if results.get('mix_results'):
            self._keep(results['mix_results'][0])
        img = results['img']
        results = super().transform(results)
        if results['img'] is img:
            return results
        self._check([results, self._other])
        inherit_faults(results, [self._other])
        draw = self._draw(img.shape[:2])
        for modality in beside_img(results):
            mine = results[modality.name]
            other = draw.of(modality, self._other[modality.name],
                            mine.shape[:2])
            results[modality.name] = _MIXES[modality.resize](mine, other)
        return results

    def _draw(self, size: tuple[int, int]) -> _Draw:
        """The draws of mmdet's method, once more."""
        after = np.random.get_state(legacy=False)
        np.random.set_state(self._state)
        jitter = np.random.uniform(*self.ratio_range)
        flip = np.random.uniform(0, 1) > self.flip_ratio
        draw = _Draw(self.dynamic_scale[::-1], jitter, flip, (0, 0))
        y, x = (np.random.randint(0, there - wanted) if there > wanted else 0
                for there, wanted in zip(draw.jittered, size, strict=True))
        np.random.set_state(after)
        return _Draw(draw.scale, jitter, flip, (y, x))


def _average(mine: np.ndarray, other: np.ndarray) -> np.ndarray:
    mixed = .5 * mine.astype(np.float32) + .5 * other.astype(np.float32)
    return mixed.astype(mine.dtype)


_MIXES = {'linear': _average, 'valid_minimum': nearer}


@TRANSFORMS.register_module()
class MixUp(InFrame, _MixUps, mmdet_transforms.MixUp):
    """mmdet's ``MixUp`` for every spatial modality of two samples.

    Dense modalities are averaged as ``img`` is. In sparse ones, the smaller
    of two values stays.

    Raises:
        ConfigError: There are sounds, one of the samples lacks a modality, or
            they have labels of different sources.
    """


@TRANSFORMS.register_module()
class CachedMixUp(InFrame, _MixUps, mmdet_transforms.CachedMixUp):
    """mmdet's ``CachedMixUp`` for every spatial modality of two samples.

    As :class:`mmxkd.MixUp`.
    """

    def get_indexes(self, cache: list) -> int:
        index = super().get_indexes(cache)
        # mmdet draws the rest next.
        self._keep(cache[index])
        return index
