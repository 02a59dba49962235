"""The cameras of data samples, and how their pictures were moved."""
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmxkd.errors import ConfigError
from mmxkd.formats.matrices import square_pixel_fault

from .geometry import Cameras

#: What the transforms of :mod:`.transforms` write, and the head reads.
META_KEYS = ('cam2img', 'trans_mat', 'crop_range', 'projection')


def _matrix(sample: Any, key: str, shape: tuple[int, int]) -> np.ndarray:
    """A matrix of the meta information, its first rows.

    Raises:
        ConfigError: It is missing, of another shape, or not finite.
    """
    meta = sample.metainfo
    where = meta.get('img_path', 'a sample')
    if key not in meta:
        raise ConfigError(f'{where}: its meta information has no {key!r}; use '
                          'mmxkd.AffineResize and mmxkd.Pack3DDetInputs')
    try:
        found = np.asarray(meta[key], np.float64)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f'{where}: {key} is not a matrix: {error}') from error
    if found.ndim != 2 or found.shape[0] < shape[0] or found.shape[1] < shape[
            1] or not np.isfinite(found).all():
        raise ConfigError(f'{where}: {key} has the shape {found.shape}, '
                          f'expected finite numbers, {shape} or more')
    return found[:shape[0], :shape[1]]


def map_matrix(sample: Any, device: torch.device | str = 'cpu') -> Tensor:
    """(3, 3) float64: original pixels to cells of the map."""
    return torch.from_numpy(_matrix(sample, 'trans_mat', (3, 3))).to(device)


def check_stride(samples: Sequence[Any], size: Sequence[int],
                 stride: int) -> None:
    """Compare the cells of a map and of the pipeline with a head's stride.

    Args:
        samples (Sequence): Data samples.
        size (Sequence[int]): H, W of the map.
        stride (int): Of the head.

    Raises:
        ConfigError: The map is that of another level, or ``down_ratio`` of
            AffineResize is another number.
    """
    for sample in samples:
        meta = sample.metainfo
        whole = meta.get('batch_input_shape')
        if whole is not None and [n * stride for n in size] != list(whole):
            raise ConfigError(
                f'a map of {size[1]}x{size[0]} cells of an input of '
                f'{whole[1]}x{whole[0]}: the head has stride={stride}, and '
                'the first level of the neck another one')
        if not {'ori_shape', 'img_shape', 'aug_scale', 'trans_mat'
                } <= meta.keys():
            continue
        crop = meta['ori_shape'][1] * meta['aug_scale']
        cells = _matrix(sample, 'trans_mat', (3, 3))[0, 0] * crop
        # The transform rounds to whole cells.
        if abs(cells - meta['img_shape'][1] / stride) >= 1:
            ratio = meta['img_shape'][1] / max(cells, 1e-9)
            raise ConfigError(
                f'{meta.get("img_path", "a sample")}: the pipeline has '
                f'{ratio:g} pixels per cell (down_ratio of AffineResize), the '
                f'head stride={stride}: give both the same')


def cameras_of(samples: Sequence[Any], size: Sequence[int],
               projection: str = 'exact',
               device: torch.device | str = 'cpu') -> Cameras:
    """The cameras of a batch, float64.

    Args:
        samples (Sequence): Data samples.
        size (Sequence[int]): H, W of the map.
        projection (str): How to divide; see :mod:`.geometry`.
        device: Where the tensors shall be.

    Raises:
        ConfigError: A sample lacks a matrix, a camera has skew or unequal
            focal lengths, or the pipeline has moved P2 for the other way to
            project.
    """
    matrices, ranges = [], []
    for sample in samples:
        meta = sample.metainfo
        own = meta.get('projection', projection)
        if own != projection:
            raise ConfigError(
                f'{meta.get("img_path", "a sample")}: the pipeline has '
                f'projection={own!r}, the head {projection!r}; P2 of a '
                'mirrored picture differs between them: give both the same')
        matrix = _matrix(sample, 'cam2img', (3, 3))
        fault = square_pixel_fault(matrix)
        if fault is not None:
            raise ConfigError(
                f'{meta.get("img_path", "a sample")}: cam2img {fault}')
        whole = np.zeros((3, 4))
        found = np.asarray(meta['cam2img'], np.float64)[:3]
        whole[:, :found.shape[1]] = found
        matrices.append(whole)
        crop = meta.get('crop_range')
        if crop is None:
            matrix = _matrix(sample, 'trans_mat', (3, 3))
            if not np.linalg.det(matrix):
                raise ConfigError(
                    f'{meta.get("img_path", "a sample")}: trans_mat cannot be '
                    f'inverted: {matrix.tolist()}')
            back = np.linalg.inv(matrix)
            corners = np.array([[0, 0, 1], [size[1], size[0], 1]])
            crop = (corners @ back.T)[:, :2]
        else:
            crop = _padded(np.asarray(crop, np.float64), meta)
        ranges.append(np.asarray(crop, np.float64))
    return Cameras(
        torch.from_numpy(np.stack(matrices)).to(device),
        torch.from_numpy(np.stack(ranges)).to(device), projection)


def _padded(crop: np.ndarray, meta: dict) -> np.ndarray:
    """What a map shows whose picture shows ``crop`` and was padded after."""
    if not {'img_shape', 'batch_input_shape'} <= meta.keys():
        return crop
    share = np.divide(meta['batch_input_shape'][:2], meta['img_shape'][:2])
    return np.stack([crop[0], crop[0] + (crop[1] - crop[0]) * share[::-1]])
