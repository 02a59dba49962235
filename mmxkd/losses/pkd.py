"""Distillation by correlation with the teacher's features."""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmxkd.registry import MODELS

from .base import Levels, MultiLevelLoss, as_levels

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
    levels. Features times a positive number, or plus a constant, are the same
    to it: students and teachers of other kinds and scales need no adapter.

    A channel that is constant (to the rounding of its mean) has no
    correlation: it is taken as 0 and gets no gradient, where the formula
    would give one of 10⁶.

    Args:
        resize_stu (bool): Where sizes differ, resize the student's features
            to the teacher's size; else the teacher's to the student's
            (bilinear, corners not aligned).
        level_weights (list[float], optional): See
            :class:`.base.MultiLevelLoss`.
        level_reduction (str): ``'sum'`` or ``'mean'`` over levels.
    """

    # Sizes are brought together here, and how is an option.
    same_shape = False
    maps_only = True

    def __init__(self,
                 resize_stu: bool = True,
                 level_weights: Sequence[float] | None = None,
                 level_reduction: str = 'sum') -> None:
        super().__init__(level_weights, level_reduction)
        self.resize_stu = resize_stu

    def levels(self, s_feature: Levels, t_feature: Levels) -> list[Tensor]:
        """Half the mean squared difference of each level, normalised.

        Args:
            s_feature, t_feature (Tensor | list[Tensor]): Student and
                teacher, (N, C, H, W) each; N and C alike.

        Raises:
            ValueError: Levels that differ in number, images or channels.
        """
        student, teacher = as_levels(s_feature), as_levels(t_feature)
        name = type(self).__name__
        if len(student) != len(teacher):
            raise ValueError(f'{name}: the student has {len(student)} '
                             f'levels, the teacher {len(teacher)}')
        for i, (s, t) in enumerate(zip(student, teacher, strict=True)):
            if s.dim() != 4 or t.dim() != 4 or s.shape[:2] != t.shape[:2]:
                raise ValueError(
                    f'{name}: level {i} is {tuple(s.shape)} in the student, '
                    f'{tuple(t.shape)} in the teacher; expected (N, C, H, W) '
                    "of one N and C, which connector=dict(type="
                    "'AlignConnector', …) makes of other channels")
        return [
            self._level(s, t.detach())
            for s, t in zip(student, teacher, strict=True)
        ]

    def _level(self, student: Tensor, teacher: Tensor) -> Tensor:
        if self.resize_stu:
            student = _resized(student, teacher)
        else:
            teacher = _resized(teacher, student)
        return F.mse_loss(standardised(student), standardised(teacher)) / 2


def _resized(feature: Tensor, like: Tensor) -> Tensor:
    if feature.shape[2:] == like.shape[2:]:
        return feature
    return F.interpolate(feature, like.shape[2:], mode='bilinear',
                         align_corners=False)


def standardised(feature: Tensor) -> Tensor:
    """Each channel with zero mean and unit standard deviation.

    Args:
        feature (Tensor): (N, C, H, W).

    Returns:
        Tensor: The same; 0 without a gradient where a channel is constant.
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
