"""Channel-wise distillation."""
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from mmxkd.registry import MODELS

from .base import Levels, MultiLevelLoss
from .common.options import check_positive


@MODELS.register_module()
class ChannelWiseDistillationLoss(MultiLevelLoss):
    r"""CWD (Shu et al., ICCV 2021): where each channel looks.

    .. math:: \ell = \frac{\tau^2}{N C} \sum_{n,c,i}
              P_t (\ln P_t - \ln P_s), \qquad
              P = \operatorname{softmax}_i(f_{n,c,i} / \tau)

    over the positions :math:`i` of each channel, with the mean over channels
    and images, as MMRazor's ``ChannelWiseDivergence``. The total is the sum
    over levels.

    Args:
        tau (float): Temperature :math:`\tau`; 1 to 4 are usual.
        level_weights (list[float], optional): See
            :class:`.base.MultiLevelLoss`.
        level_reduction (str): ``'sum'`` or ``'mean'`` over levels.

    Raises:
        ValueError: An option is unknown or out of range.
    """

    def __init__(self, tau: float = 1.0,
                 level_weights: Sequence[float] | None = None,
                 level_reduction: str = 'sum') -> None:
        super().__init__(level_weights, level_reduction)
        check_positive(type(self).__name__, 'tau', tau)
        self.tau = tau

    def levels(self, s_feature: Levels, t_feature: Levels) -> list[Tensor]:
        """Divergence of each level.

        Args:
            s_feature, t_feature (Tensor | list[Tensor]): Student and
                teacher, (N, C, H, W) each, with equal shapes.

        Raises:
            ValueError: The shapes differ.
        """
        return [self._level(s, t) for s, t in self.pairs(s_feature, t_feature)]

    def _level(self, student: Tensor, teacher: Tensor) -> Tensor:
        log_s, log_t = (F.log_softmax(f.flatten(2) / self.tau, dim=-1)
                        for f in (student, teacher))
        divergence = (log_t.exp() * (log_t - log_s)).sum()
        # No image at all, as in a RoI head: 0, with its gradient path.
        channels = max(student.shape[0] * student.shape[1], 1)
        return divergence * (self.tau**2 / channels)
