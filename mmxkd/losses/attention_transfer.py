"""Attention transfer."""
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from mmxkd.registry import MODELS

from .base import Levels, MultiLevelLoss, as_levels, check_pairs
from .common.attention import attention_map, check_power


@MODELS.register_module()
class AttentionTransferLoss(MultiLevelLoss):
    r"""Activation-based attention transfer (Zagoruyko, Komodakis, ICLR 2017).

    .. math:: \ell = \operatorname{mean}_{n,i} (a(s) - a(t))^2

    with :math:`a` of :func:`.attention.attention_map`, of unit length. (The
    paper writes the distance, not its square; the square is its code's, and
    that of MM-DistillNet.) The total is the sum over levels.

    Where sizes differ, the larger feature is averaged down to the smaller
    one (adaptive average pooling), before its attention is taken. The
    published code pools to a square of the smaller height, which fits square
    maps alone; here height and width are pooled each to the smaller of both
    sides. On square maps that is the same.

    Args:
        p (int): Power of the attention.
        level_weights (list[float], optional): See
            :class:`.base.MultiLevelLoss`.
        level_reduction (str): ``'sum'`` or ``'mean'`` over levels.

    Raises:
        ValueError: An argument is none of the above.
    """

    same_shape = False

    def __init__(self,
                 p: int = 2,
                 level_weights: Sequence[float] | None = None,
                 level_reduction: str = 'sum') -> None:
        super().__init__(level_weights, level_reduction)
        check_power(type(self).__name__, p)
        self.p = p

    def levels(self, s_feature: Levels, t_feature: Levels) -> list[Tensor]:
        """Mean squared difference of the attention of each level.

        Args:
            s_feature, t_feature (Tensor | list[Tensor]): Student and
                teacher, (N, C, H, W) each; N alike, the rest not.

        Raises:
            ValueError: Another number of levels or images.
        """
        student, teacher = as_levels(s_feature), as_levels(t_feature)
        check_pairs(type(self).__name__, student, teacher, axes=1)
        return [
            self._level(s, t.detach())
            for s, t in zip(student, teacher, strict=True)
        ]

    def _level(self, student: Tensor, teacher: Tensor) -> Tensor:
        size = [min(s, t) for s, t in zip(
            student.shape[2:], teacher.shape[2:], strict=True)]
        a, b = (attention_map(_pooled(f, size), self.p)
                for f in (student, teacher))
        return F.mse_loss(a, b)


def _pooled(feature: Tensor, size: list[int]) -> Tensor:
    if list(feature.shape[2:]) == size:
        return feature
    return F.adaptive_avg_pool2d(feature, size)
