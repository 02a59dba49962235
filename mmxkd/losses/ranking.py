"""The sound of a frame, nearer to its picture than to any other one."""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmxkd.errors import check_known
from mmxkd.registry import MODELS

from .base import Levels, MultiLevelLoss
from .common.options import check_positive

REDUCTIONS = ('mean', 'sum')


@MODELS.register_module()
class RankingLoss(MultiLevelLoss):
    r"""Ranking loss between the frames of a batch.

    The loss that MM-DistillNet (Valverde et al., CVPR 2021) compares with,
    for a student that hears and one teacher that sees. With :math:`a_i` the
    student's and :math:`v_i` the teacher's feature of frame i, averaged over
    all positions, and the cosine :math:`\psi`:

    .. math:: \ell = \frac{1}{Z} \sum_i \sum_{j \ne i} \max(0,
              m - \psi(a_i, v_i) + \psi(a_i, v_j))

    That much is known of it. Margin, normalisation, levels and whether it is
    also taken the other way round are not published, so that the defaults
    are ours: the mean over the pairs, :math:`Z = N (N - 1)`, since the sum
    grows with the square of the batch; and :math:`m = 0.2`, the usual margin
    of cosines between pictures and another modality (Faghri et al., VSE++,
    BMVC 2018).

    The pairs are those of the batch on one device. A batch of one frame has
    none: the loss is 0 then, and so is its gradient. A positive factor of
    either side does not change the loss. A feature that is 0 on average has
    no direction: its cosine with any other counts as 0, and it gets no
    gradient.

    Args:
        margin (float): :math:`m`, above 0. A cosine of another frame that is
            smaller by this does not count. Above 2, all pairs count always.
        reduction (str): ``'mean'`` over pairs, or ``'sum'``, :math:`Z = 1`,
            as in the formula of the paper.
        level_weights (list[float], optional): See
            :class:`.base.MultiLevelLoss`.
        level_reduction (str): ``'mean'`` or ``'sum'`` over levels.

    Raises:
        ValueError: An option is unknown or out of range.
    """

    # Positions are averaged, so that sizes may differ. Channels may not, but
    # the connector that is inferred for them would resize as well.
    same_shape = False

    def __init__(self, margin: float = 0.2, reduction: str = 'mean',
                 level_weights: Sequence[float] | None = None,
                 level_reduction: str = 'mean') -> None:
        super().__init__(level_weights, level_reduction)
        check_positive('RankingLoss', 'margin', margin)
        check_known('RankingLoss: reduction', reduction, REDUCTIONS)
        self.margin, self.reduction = margin, reduction

    def levels(self, s_feature: Levels, t_feature: Levels) -> list[Tensor]:
        """The loss of each level.

        Args:
            s_feature, t_feature (Tensor | list[Tensor]): Student and
                teacher, (N, C, H, W) each, with equal N and C. Entry n of
                both is the same frame.

        Raises:
            ValueError: The levels differ in number, frames or channels.
        """
        pairs = self.pairs(s_feature, t_feature, axes=2,
                           connector='ConvConnector')
        return [self._level(s, t) for s, t in pairs]

    def _level(self, student: Tensor, teacher: Tensor) -> Tensor:
        cosine = direction(student) @ direction(teacher).T
        excess = self.margin - cosine.diag()[:, None] + cosine
        others = 1 - torch.eye(len(cosine), dtype=cosine.dtype,
                               device=cosine.device)
        total = (excess.relu() * others).sum()
        if self.reduction == 'sum':
            return total
        return total / max(len(cosine) * (len(cosine) - 1), 1)


def direction(feature: Tensor) -> Tensor:
    """The mean over all positions, of unit length; 0 where it is 0.

    Args:
        feature (Tensor): (N, C, H, W).

    Returns:
        Tensor: (N, C).
    """
    pooled = feature.mean((2, 3))
    peak = pooled.detach().abs().amax(1, keepdim=True)
    alive = peak >= torch.finfo(peak.dtype).tiny
    # So scaled, the squares neither overflow nor vanish.
    return F.normalize(pooled * torch.where(alive, 1 / peak, 0.0), dim=1)
