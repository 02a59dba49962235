"""Depth maps of data samples, on the pixels of the network's input."""
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mmxkd.errors import ConfigError


def depth_maps_of(samples: Sequence[Any]) -> Tensor:
    """(B, 1, H, W) metres, 0 = no value, of the network's input.

    A preprocessor pads pictures to the right and below, each batch to its own
    size. Maps follow here with 0: pooled to the cells of a network, a map
    without the padding would lie beside its picture.

    Args:
        samples (Sequence): Data samples with ``gt_depth`` (1, h, w);
            ``batch_input_shape`` is the size after padding, and where it is
            missing, nothing was padded.

    Raises:
        ConfigError: A sample has no map, or one that does not fit its
            picture.
    """
    maps: list[Tensor] = []
    for sample in samples:
        meta = sample.metainfo
        where = meta.get('img_path', 'a sample')
        found = getattr(sample, 'gt_depth', None)
        if found is None:
            raise ConfigError(
                f'{where} has no gt_depth, which this model learns from: add '
                'mmxkd.LoadDepth, and depth_target=True to '
                'mmxkd.Pack3DDetInputs')
        shape = tuple(found.data.shape[-2:])
        picture = tuple(meta.get('img_shape', shape)[:2])
        whole = tuple(meta.get('batch_input_shape', shape)[:2])
        if (found.data.dim() != 3 or len(found.data) != 1 or shape != picture
                or shape[0] > whole[0] or shape[1] > whole[1]):
            raise ConfigError(
                f'{where}: gt_depth has the shape {tuple(found.data.shape)}, '
                f'the picture {picture}, and the padded batch {whole}; move '
                'both by the transforms of mmxkd, such as mmxkd.Resize or '
                'mmxkd.AffineResize, and by no batch_augments that resize')
        maps.append(
            F.pad(found.data,
                  (0, whole[1] - shape[1], 0, whole[0] - shape[0])))
        if maps[-1].shape != maps[0].shape:
            raise ConfigError(
                f'{where}: gt_depth has the shape {tuple(maps[-1].shape)}, '
                f'the first of the batch {tuple(maps[0].shape)}, and no '
                'batch_input_shape says what both are padded to; run the '
                "model's data_preprocessor first")
    return torch.stack(maps)
