"""Depth maps as targets of a depth branch."""
import torch
import torch.nn.functional as F
from torch import Tensor

from mmxkd.losses.common.options import check_choice

from .bins import DepthBins

DOWNSAMPLE = ('valid_min', 'nearest')


def check_downsample(name: str, mode: str) -> None:
    """Raise ValueError unless :func:`downsample_depth` knows a mode."""
    check_choice(name, 'downsample', mode, DOWNSAMPLE)


def downsample_depth(depth: Tensor, size: tuple[int, int],
                     mode: str = 'valid_min') -> Tensor:
    """A depth map on a coarser grid; depths are never blended.

    Args:
        depth (Tensor): (N, H, W) or (N, 1, H, W), metres, 0 = no value.
        size (tuple[int, int]): H', W'.
        mode (str): ``'valid_min'``: the nearest depth in a cell, for sparse
            maps; ``'nearest'``: of one pixel, for dense ones.

    Returns:
        Tensor: (N, H', W').

    Raises:
        ValueError: Another shape, or an unknown mode.
    """
    check_downsample('downsample_depth', mode)
    if depth.dim() == 3:
        depth = depth[:, None]
    if depth.dim() != 4 or depth.shape[1] != 1:
        raise ValueError('expected depth (N, H, W) or (N, 1, H, W), got '
                         f'{tuple(depth.shape)}')
    if depth.shape[-2:] == tuple(size):
        return depth[:, 0]
    if mode == 'nearest':
        return F.interpolate(depth, size, mode='nearest-exact')[:, 0]
    # The greatest of -depth belongs to the nearest pixel.
    closest = -F.adaptive_max_pool2d(
        torch.where(depth > 0, -depth, -torch.inf), size)
    return closest.masked_fill(closest.isinf(), 0)[:, 0]


def depth_target(name: str, bins: DepthBins, logits: Tensor, depth: Tensor,
                 downsample: str) -> Tensor:
    """(N, H, W) int64: bins of depth maps on the grid of a depth branch.

    Args:
        name (str): Of the loss, in errors.
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
        depth = downsample_depth(depth.detach(), logits.shape[-2:],
                                 downsample)
    except ValueError as error:
        raise ValueError(f'{name}: {error}') from error
    return bins.target(depth)
