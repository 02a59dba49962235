"""Attention transfer."""
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from mmxkd.registry import MODELS

from .base import Levels, MultiLevelLoss
from .common.attention import attention_map, check_power


@MODELS.register_module()
class AttentionTransferLoss(MultiLevelLoss):
    r"""Activation-based attention transfer (Zagoruyko, Komodakis, ICLR 2017).

    .. math:: \ell = \operatorname{mean}_{n,i} (a(s) - a(t))^2

    with :math:`a` of :func:`.attention.attention_map`, of unit length. (The
    paper writes the distance, not its square; the square is its code's, and
    that of MM-DistillNet.) The total is the sum over levels.

    Where sizes differ, the larger feature is averaged down to the smaller
    one (adaptive average pooling) before its attention is computed. The
    published code pools to a square of the smaller height, which only fits
    square maps; here height and width each take the smaller value of both
    sides. On square maps that is the same.

    Args:
        p (int): Power of the attention.
        level_weights (list[float], optional): See
            :class:`.base.MultiLevelLoss`.
        level_reduction (str): ``'sum'`` or ``'mean'`` over levels.

    Raises:
        ValueError: An option is unknown or out of range.
    """

    same_shape = False

    def __init__(self, p: int = 2,
                 level_weights: Sequence[float] | None = None,
                 level_reduction: str = 'sum') -> None:
        super().__init__(level_weights, level_reduction)
        check_power(type(self).__name__, p)
        self.p = p

    def levels(self, s_feature: Levels, t_feature: Levels) -> list[Tensor]:
        """Mean squared difference of the attention of each level.

        Args:
            s_feature, t_feature (Tensor | list[Tensor]): Student and
                teacher, (N, C, H, W) each; only N must be equal.

        Raises:
            ValueError: The levels or the images differ in number.
        """
        return [
            self._level(s, t)
            for s, t in self.pairs(s_feature, t_feature, axes=1)
        ]

    def _level(self, student: Tensor, teacher: Tensor) -> Tensor:
        size = tuple(
            min(s, t)
            for s, t in zip(student.shape[2:], teacher.shape[2:], strict=True))
        a, b = (attention_map(_pooled(f, size), self.p)
                for f in (student, teacher))
        return F.mse_loss(a, b)


def _pooled(feature: Tensor, size: tuple[int, ...]) -> Tensor:
    if feature.shape[2:] == size:
        return feature
    height, width = size
    return F.adaptive_avg_pool2d(feature, (height, width))
