"""Distillation by correlation with the teacher's features."""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmxkd.registry import MODELS

from .base import Levels, MultiLevelLoss
from .common.grids import resize

# Added to standard deviations, as MMRazor does.
_EPS = 1e-6


@MODELS.register_module()
class PKDLoss(MultiLevelLoss):
    r"""PKD (Cao et al., NeurIPS 2022): Pearson correlation of features.

    .. math:: \ell = \frac{1}{2} \operatorname{mean}_{n,c,h,w}
              (\hat s - \hat t)^2, \qquad
              \hat f = \frac{f - \mu_c}{\sigma_c + 10^{-6}}

    with mean and standard deviation of each channel over N, H and W: the mean
    over channels of :math:`1 - \rho(s, t)` up to a factor
    :math:`(M - 1) / M`, since :math:`\sigma_c` is that of a sample of
    :math:`M = NHW`, as in MMRazor's ``PKDLoss``. The total is the sum over
    levels. A positive factor and an offset of the features do not change it:
    students and teachers of other kinds and scales need no adapter.

    A channel that is constant (up to the rounding of its mean) has no
    correlation: it counts as 0 and gets no gradient, where the formula would
    give a gradient of about 10⁶.

    Args:
        resize_stu (bool): Where sizes differ, resize the student's features
            to the teacher's size; else the teacher's to the student's
            (bilinear, corners not aligned).
        level_weights (list[float], optional): See
            :class:`.base.MultiLevelLoss`.
        level_reduction (str): ``'sum'`` or ``'mean'`` over levels.
    """

    # This loss resizes by itself; an option says which side.
    same_shape = False

    def __init__(self, resize_stu: bool = True,
                 level_weights: Sequence[float] | None = None,
                 level_reduction: str = 'sum') -> None:
        super().__init__(level_weights, level_reduction)
        self.resize_stu = resize_stu

    def levels(self, s_feature: Levels, t_feature: Levels) -> list[Tensor]:
        """Half the mean squared difference of each level, normalised.

        Args:
            s_feature, t_feature (Tensor | list[Tensor]): Student and
                teacher, (N, C, H, W) each, with equal N and C. (A
                connector, e.g. ``dict(type='AlignConnector')``, gives the
                student the teacher's channels.)

        Raises:
            ValueError: The levels differ in number, images or channels.
        """
        pairs = self.pairs(s_feature, t_feature, axes=2,
                           connector='AlignConnector')
        return [self._level(s, t) for s, t in pairs]

    def _level(self, student: Tensor, teacher: Tensor) -> Tensor:
        if self.resize_stu:
            student = resize(student, teacher.shape[2:])
        else:
            teacher = resize(teacher, student.shape[2:])
        return F.mse_loss(standardised(student), standardised(teacher)) / 2


def standardised(feature: Tensor) -> Tensor:
    """Each channel with zero mean and unit standard deviation.

    Args:
        feature (Tensor): (N, C, H, W).

    Returns:
        Tensor: (N, C, H, W); 0 without gradient where a channel is constant.
    """
    axes = (0, 2, 3)
    count = feature.numel() // feature.shape[1]
    mean = feature.mean(axes, keepdim=True)
    centred = feature - mean
    # Four times quicker than `torch.std`, and its gradient at 0 is 0.
    std = torch.linalg.vector_norm(centred, dim=axes, keepdim=True)
    std = std / max(count - 1, 1)**0.5
    rounding = 4 * torch.finfo(std.dtype).eps * mean.detach().abs()
    return centred * torch.where(std > rounding, 1 / (std + _EPS), 0.0)
