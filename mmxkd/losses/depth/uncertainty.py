"""Where a depth branch is wrong, as a map of weights."""
import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmxkd.errors import check_known

MODES = ('hard', 'easy', 'entropy', 'none')


@torch.no_grad()
def depth_uncertainty(logits: Tensor, target: Tensor, valid: Tensor,
                      mode: str = 'hard') -> Tensor:
    r"""The weight of each pixel, from its predicted depth distribution.

    .. math:: U = \tfrac12 \sum_n |y_n - p_n| = 1 - p_{k^*}

    with y the one-hot target, for bin :math:`k^*`. MonoMMKD's figure subtracts
    the two; the sum of the difference over bins, the total variation, is
    **our reading**. No gradient passes.

    Args:
        logits (Tensor): (N, K, H, W).
        target (Tensor): (N, H, W) int64, :math:`k^*`. Only valid pixels
            count.
        valid (Tensor): (N, H, W) bool; the other pixels get 0.
        mode (str): ``'hard'``: U, large where depth is poor; ``'easy'``:
            1 - U; ``'entropy'``: :math:`H(p) / \ln K`; ``'none'``: 1, to
            compare with.

    Returns:
        Tensor: (N, 1, H, W) in [0, 1], without gradient.

    Raises:
        ValueError: The mode is unknown, or the sizes differ.
    """
    check_known('uncertainty', mode, MODES)
    if target.shape != valid.shape or target.shape != (logits.shape[:1]
                                                       + logits.shape[2:]):
        raise ValueError(
            f'depth logits {tuple(logits.shape)}, target '
            f'{tuple(target.shape)} and valid {tuple(valid.shape)} do not '
            'agree in images and size')
    if mode == 'none':
        return valid.to(logits)[:, None]
    log_p = F.log_softmax(logits, 1)
    if mode == 'entropy':
        found = -(log_p.exp() * log_p).sum(1) / math.log(
            max(logits.shape[1], 2))
    else:
        bins = target.clamp(0, logits.shape[1] - 1)[:, None]
        found = log_p.gather(1, bins).exp()[:, 0]
        found = 1 - found if mode == 'hard' else found
    return (found.clamp(0, 1) * valid)[:, None]


def average_valid(values: Tensor, valid: Tensor | None,
                  size: Sequence[int]) -> Tensor:
    """Average a map to another size, over the valid pixels of each cell.

    Args:
        values (Tensor): (N, 1, H, W).
        valid (Tensor, optional): (N, 1, H, W) bool; default: all.
        size (Sequence[int]): H', W'.

    Returns:
        Tensor: (N, 1, H', W'); 0 where no pixel is valid.
    """
    height, width = size
    if valid is None:
        return F.adaptive_avg_pool2d(values, (height, width))
    share = valid.to(values)
    summed = F.adaptive_avg_pool2d(values * share, (height, width))
    count = F.adaptive_avg_pool2d(share, (height, width))
    return summed / torch.where(count > 0, count, torch.ones_like(count))


def any_valid(valid: Tensor, size: Sequence[int]) -> Tensor:
    """(N, 1, H', W') bool: cells with a valid pixel."""
    return F.adaptive_max_pool2d(valid.float(), tuple(size)) > 0
