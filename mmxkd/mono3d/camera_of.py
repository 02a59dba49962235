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
            back = np.linalg.inv(_matrix(sample, 'trans_mat', (3, 3)))
            corners = np.array([[0, 0, 1], [size[1], size[0], 1]])
            crop = (corners @ back.T)[:, :2]
        ranges.append(np.asarray(crop, np.float64))
    return Cameras(
        torch.from_numpy(np.stack(matrices)).to(device),
        torch.from_numpy(np.stack(ranges)).to(device), projection)
