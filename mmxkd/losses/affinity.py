"""Scene-level affinity between positions."""
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from mmxkd.registry import MODELS

from .base import Levels, MultiLevelLoss
from .common.grids import coarsest_size, resize


@MODELS.register_module()
class AffinityLoss(MultiLevelLoss):
    r"""Scene-level distillation of MonoDistill (Chong et al., ICLR 2022).

    .. math:: L = \sum_l w_l \operatorname{mean}_{n,i,j}
              |G^S_{nij} - G^T_{nij}|, \qquad G_{nij} = F_{ni}^\top F_{nj}

    with :math:`F_{ni}` the features of image n at position i of a common
    grid, to which each level is resized (bilinear). Not normalised: the
    value grows with the square of the features. Student and teacher may have
    different numbers of channels, so no connector is inferred; the released
    code has an adapter (3×3 conv, ReLU, 1×1 conv).

    A Gram matrix has (h·w)² entries per image.

    Args:
        grid (tuple[int, int], optional): h, w. Default: the size of the
            coarsest level, as released.
        max_cells (int): Where the coarsest level has more cells than this,
            the default grid is scaled down to this number, so that one fine
            level of a large picture does not fill the memory.
        divide_by_batch (bool): Divide by the number of images once more, as
            the released code does. Then the loss depends on the batch size;
            default False.
        level_weights (list[float], optional): :math:`w_l`; default 1.
        level_reduction (str): ``'sum'`` (as released) or ``'mean'``.

    Raises:
        ValueError: ``max_cells`` is less than 1.
    """

    same_shape = False

    def __init__(self, grid: Sequence[int] | None = None,
                 max_cells: int = 1024, divide_by_batch: bool = False,
                 level_weights: Sequence[float] | None = None,
                 level_reduction: str = 'sum') -> None:
        super().__init__(level_weights, level_reduction)
        if max_cells < 1:
            raise ValueError(f'AffinityLoss: max_cells={max_cells}, expected '
                             'at least 1')
        self.grid = None if grid is None else (int(grid[0]), int(grid[1]))
        self.max_cells, self.divide_by_batch = max_cells, divide_by_batch

    def levels(self, s_feature: Levels, t_feature: Levels) -> list[Tensor]:
        """Mean absolute difference of the affinities of each level.

        Args:
            s_feature, t_feature (Tensor | list[Tensor]): Student
                (N, C, H, W) and teacher (N, C', H', W').

        Raises:
            ValueError: The levels or the images differ in number.
        """
        pairs = self.pairs(s_feature, t_feature, axes=0)
        size = self.grid or within(
            coarsest_size(level for pair in pairs
                          for level in pair), self.max_cells)
        found = []
        for i, (s, t) in enumerate(pairs):
            if len(s) != len(t):
                raise ValueError(f'AffinityLoss: level {i} has {len(s)} '
                                 f'images in the student, {len(t)} in the '
                                 'teacher')
            gap = affinity(s, size) - affinity(t, size)
            value = gap.abs().mean()
            found.append(value / len(s) if self.divide_by_batch else value)
        return found


def within(size: tuple[int, int], cells: int) -> tuple[int, int]:
    """A size of at most ``cells`` cells, with about the same proportions.

    Examples:
        >>> within((12, 40), 1024), within((100, 168), 1024)
        ((12, 40), (24, 41))
        >>> within((1, 5000), 1024)
        (1, 1024)
    """
    if size[0] * size[1] <= cells:
        return size
    shrink = math.sqrt(cells / (size[0] * size[1]))
    short = max(int(min(size) * shrink), 1)
    long = min(int(max(size) * shrink), cells // short)
    return (short, long) if size[0] < size[1] else (long, short)


def affinity(feature: Tensor, size: tuple[int, int]) -> Tensor:
    """Inner products of the features of all pairs of positions.

    Args:
        feature (Tensor): (N, C, H, W).
        size (tuple[int, int]): h, w of the grid.

    Returns:
        Tensor: (N, h·w, h·w).
    """
    flat = resize(feature, size).flatten(2)
    return torch.bmm(flat.transpose(1, 2), flat)
