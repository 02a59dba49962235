"""What all distillation losses of the package have in common."""
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from .common.options import check_choice
from .common.precision import in_full_precision

Levels: TypeAlias = Tensor | Sequence[Tensor]


def as_levels(features: Levels) -> list[Tensor]:
    """A list of levels from one feature map or several.

    Raises:
        ValueError: There is none, or something else than feature maps.
    """
    levels = [features] if isinstance(features, Tensor) else list(features)
    if not levels:
        raise ValueError('there is no feature level')
    for level in levels:
        if not isinstance(level, Tensor):
            raise ValueError('expected a feature map or a list of them, got '
                             f'a list of {type(level).__name__}')
    return levels


class MultiLevelLoss(nn.Module, ABC):
    """A loss over a list of feature levels.

    Subclasses implement :meth:`levels`, one scalar a level. The total is
    the mean or sum of these, each times its weight, so that every level
    counts alike whatever its area. It is computed in float32 at least, also
    inside of autocast.

    Args:
        level_weights (list[float], optional): One weight a level; default:
            1 each.
        level_reduction (str): ``'mean'`` or ``'sum'`` over levels.

    Raises:
        ValueError: An argument is none of the above.

    Attributes:
        same_shape (bool): Student and teacher need equal shapes, so that the
            distiller infers connectors where they differ.
        maps_only (bool): The loss tells channels from positions, so that the
            distiller refuses what is no (N, C, H, W) map.
    """

    same_shape = True
    maps_only = True

    def __init__(self,
                 level_weights: Sequence[float] | None = None,
                 level_reduction: str = 'mean') -> None:
        super().__init__()
        check_choice(type(self).__name__, 'level_reduction', level_reduction,
                     ('mean', 'sum'))
        if isinstance(level_weights, (int, float)):
            raise ValueError(f'{type(self).__name__}: level_weights='
                             f'{level_weights}, expected a list of one number '
                             'a level')
        self.level_weights = level_weights
        self.level_reduction = level_reduction

    @abstractmethod
    def levels(self, s_feature: Levels, t_feature: Levels, *args: Any,
               **kwargs: Any) -> list[Tensor]:
        """One scalar a level.

        Args:
            s_feature, t_feature (Tensor | list[Tensor]): Student and
                teacher, (N, C, H, W) each.
            *args, **kwargs: What a subclass needs beside, by names of its
                own.
        """

    def reduce(self, levels: Sequence[Tensor]) -> Tensor:
        """Mean or sum over levels of each one times its weight."""
        weights = self.level_weights
        if weights is None:
            weights = [1.0] * len(levels)
        if len(weights) != len(levels):
            raise ValueError(f'{type(self).__name__}: level_weights has '
                             f'{len(weights)} entries for '
                             f'{len(levels)} levels')
        total = torch.stack([
            w * level for w, level in zip(weights, levels, strict=True)])
        return (total.mean() if self.level_reduction == 'mean'
                else total.sum())

    @in_full_precision
    def forward(self, *args, **kwargs) -> Tensor:
        """The total, with the arguments of :meth:`levels`."""
        return self.reduce(self.levels(*args, **kwargs))

    def metrics(self) -> dict[str, Tensor]:
        """Values for the log that were seen by the last call."""
        return {}


def check_pairs(name: str, student: Sequence[Tensor],
                teacher: Sequence[Tensor], axes: int | None = None) -> None:
    """Raise where student and teacher levels do not match.

    Args:
        name (str): The loss, for the message.
        student, teacher (list[Tensor]): One feature a level.
        axes (int, optional): How many of the first axes must be of one
            length; default: all.

    Raises:
        ValueError: Another number of levels, or another shape in one.
    """
    if len(student) != len(teacher):
        raise ValueError(f'{name}: the student has {len(student)} levels, '
                         f'the teacher {len(teacher)}')
    which = '' if axes is None else (
        f'; expected one {", ".join("NCHW"[:axes])}')
    for i, (s, t) in enumerate(zip(student, teacher, strict=True)):
        if s.shape[:axes] != t.shape[:axes] or s.dim() != t.dim():
            raise ValueError(
                f'{name}: level {i} is {tuple(s.shape)} in the student, '
                f'{tuple(t.shape)} in the teacher{which}')
