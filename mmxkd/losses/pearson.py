"""Pearson correlation between feature maps."""
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from mmxkd.registry import MODELS

from .base import Levels, MultiLevelLoss, as_levels, check_pairs
from .common.options import check_choice

# Axes of (N, C, H, W) that one correlation runs over.
OVER = dict(batch=(0, 1, 2, 3), sample=(1, 2, 3), channel=(2, 3))


@MODELS.register_module()
class PearsonLoss(MultiLevelLoss):
    r"""1 - Pearson's correlation of student and teacher.

    .. math:: L = \frac{1}{|l|} \sum_l w_l \operatorname{mean}
              \left[1 - \frac{\sum (S - \bar S)(T - \bar T)}
              {\|S - \bar S\| \, \|T - \bar T\|}\right]

    From 0 to 2; not changed by a positive scale or a shift of either side.
    Computed as half the squared distance of the two directions, which is the
    same and exact where they are equal. A constant map has no direction: its
    counts as 0 (1/2 against any other, 0 against another constant one), and
    it gets no gradient.

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
        check_choice('PearsonLoss', 'over', over, OVER)
        self.over = over

    def levels(self, s_feature: Levels, t_feature: Levels) -> list[Tensor]:
        """1 - correlation of each level.

        Args:
            s_feature, t_feature (Tensor | list[Tensor]): Student and
                teacher, (N, C, H, W) each.

        Raises:
            ValueError: Levels or shapes do not agree.
        """
        student, teacher = as_levels(s_feature), as_levels(t_feature)
        check_pairs(type(self).__name__, student, teacher)
        axes = OVER[self.over]
        return [one_minus_correlation(s, t.detach(), axes).mean()
                for s, t in zip(student, teacher, strict=True)]


def one_minus_correlation(student: Tensor, teacher: Tensor,
                          axes: Sequence[int]) -> Tensor:
    """1 - Pearson's correlation over some axes, which have size 1 after."""
    gap = direction(student, axes) - direction(teacher, axes)
    return gap.square().sum(axes, keepdim=True) / 2


def direction(values: Tensor, axes: Sequence[int]) -> Tensor:
    """What is centred over some axes and scaled to norm 1; 0 if constant."""
    # The largest value is 1: squares neither overflow nor vanish.
    largest = values.detach().abs().amax(axes, keepdim=True)
    values = values / torch.where(largest > 0, largest,
                                  torch.ones_like(largest))
    centred = values - values.mean(axes, keepdim=True)
    norm = centred.square().sum(axes, keepdim=True)
    # Of a constant map the rounding of its mean may be left.
    noise = 4 * torch.finfo(values.dtype).eps
    varies = norm > noise**2 * math.prod(values.shape[a] for a in axes)
    root = torch.where(varies, norm, torch.ones_like(norm)).sqrt()
    return torch.where(varies, centred / root, torch.zeros_like(centred))
