"""Pearson correlation between feature maps."""
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from mmxkd.errors import check_known
from mmxkd.registry import MODELS

from .base import Levels, MultiLevelLoss

# Axes of (N, C, H, W) that one correlation runs over.
OVER = dict(batch=(0, 1, 2, 3), sample=(1, 2, 3), channel=(2, 3))


@MODELS.register_module()
class PearsonLoss(MultiLevelLoss):
    r"""1 - Pearson's correlation of student and teacher.

    .. math:: L = \frac{1}{|l|} \sum_l w_l \operatorname{mean}
              \left[1 - \frac{\sum (S - \bar S)(T - \bar T)}
              {\|S - \bar S\| \, \|T - \bar T\|}\right]

    From 0 to 2; a positive scale or a shift of either side does not change
    it. Computed as half the squared distance of the two directions, which is
    the same, and exact where they are equal. A constant map has no direction:
    0 stands for it, so that the loss is 1/2 against any other map and 0
    against a constant one, and it gets no gradient.

    MonoSKD's rank correlation amounts to this loss over the batch, see
    :class:`.SpearmanLoss`.

    Args:
        over (str): What one correlation runs over: ``'batch'``, the whole
            tensor; ``'sample'``, an image; ``'channel'``, a channel of an
            image. The level's value is their mean.
        level_weights (list[float], optional): :math:`w_l`; default 1.
        level_reduction (str): ``'mean'`` or ``'sum'`` over levels.

    Raises:
        ValueError: ``over`` is unknown.
    """

    def __init__(self, over: str = 'batch',
                 level_weights: Sequence[float] | None = None,
                 level_reduction: str = 'mean') -> None:
        super().__init__(level_weights, level_reduction)
        check_known('PearsonLoss: over', over, OVER)
        self.over = over

    def levels(self, s_feature: Levels, t_feature: Levels) -> list[Tensor]:
        """1 - correlation of each level.

        Args:
            s_feature, t_feature (Tensor | list[Tensor]): Student and
                teacher, (N, C, H, W) each.

        Raises:
            ValueError: Levels or shapes do not agree.
        """
        axes = OVER[self.over]
        return [
            one_minus_correlation(s, t, axes).mean()
            for s, t in self.pairs(s_feature, t_feature)
        ]


def one_minus_correlation(student: Tensor, teacher: Tensor,
                          axes: tuple[int, ...]) -> Tensor:
    """1 - Pearson's correlation over some axes, which keep size 1."""
    gap = direction(student, axes) - direction(teacher, axes)
    return gap.square().sum(axes, keepdim=True) / 2


def direction(values: Tensor, axes: tuple[int, ...]) -> Tensor:
    """Values centred over some axes, with norm 1; 0 where constant."""
    # The largest value is 1: squares neither overflow nor vanish.
    largest = values.detach().abs().amax(axes, keepdim=True)
    values = values / torch.where(largest > 0, largest,
                                  torch.ones_like(largest))
    centred = values - values.mean(axes, keepdim=True)
    norm = centred.square().sum(axes, keepdim=True)
    # A constant map may keep the rounding of its mean.
    noise = 4 * torch.finfo(values.dtype).eps
    varies = norm > noise**2 * math.prod(values.shape[a] for a in axes)
    root = torch.where(varies, norm, torch.ones_like(norm)).sqrt()
    return torch.where(varies, centred / root, torch.zeros_like(centred))
