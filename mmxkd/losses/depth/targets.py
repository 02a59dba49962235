"""Depth maps as targets of a depth branch."""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmxkd.errors import check_known

from .bins import DepthBins

DOWNSAMPLE = ('valid_min', 'nearest')


def downsample_depth(depth: Tensor, size: Sequence[int],
                     mode: str = 'valid_min') -> Tensor:
    """A depth map on a coarser grid; depths are never blended.

    Args:
        depth (Tensor): (N, H, W) or (N, 1, H, W), metres, 0 = no value.
        size (Sequence[int]): H', W'.
        mode (str): ``'valid_min'``: the nearest depth in a cell, for sparse
            maps; ``'nearest'``: the depth of one pixel, for dense maps.

    Returns:
        Tensor: (N, H', W').

    Raises:
        ValueError: The shape is another, or the mode is unknown.
    """
    check_known('downsample_depth: downsample', mode, DOWNSAMPLE)
    if depth.dim() == 3:
        depth = depth[:, None]
    if depth.dim() != 4 or depth.shape[1] != 1:
        raise ValueError('expected depth (N, H, W) or (N, 1, H, W), got '
                         f'{tuple(depth.shape)}')
    if depth.shape[-2:] == tuple(size):
        return depth[:, 0]
    if mode == 'nearest':
        return F.interpolate(depth, size, mode='nearest-exact')[:, 0]
    # The nearest pixel has the greatest -depth.
    closest = -F.adaptive_max_pool2d(
        torch.where(depth > 0, -depth, -torch.inf), tuple(size))
    return closest.masked_fill(closest.isinf(), 0)[:, 0]


def depth_target(name: str, bins: DepthBins, logits: Tensor, depth: Tensor,
                 downsample: str) -> Tensor:
    """(N, H, W) int64: bins of depth maps on the grid of a depth branch.

    Args:
        name (str): The loss, for the message.
        bins (DepthBins): N bins.
        logits (Tensor): (N, K, H, W), K = N or N + 1.
        depth (Tensor): (N, H', W') or (N, 1, H', W'), metres.
        downsample (str): See :func:`downsample_depth`.

    Raises:
        ValueError: Channels or images do not agree.
    """
    try:
        bins.check_channels(logits)
        if len(depth) != len(logits):
            raise ValueError(f'{len(depth)} depth maps for {len(logits)} '
                             'images')
        depth = downsample_depth(depth.detach(), logits.shape[-2:], downsample)
    except ValueError as error:
        raise ValueError(f'{name}: {error}') from error
    return bins.target(depth)
