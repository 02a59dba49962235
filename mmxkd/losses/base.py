"""What all distillation losses of the package have in common."""
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from mmxkd.errors import check_known
from mmxkd.schedules import Constant, Progress

from .common.precision import in_full_precision

Levels: TypeAlias = Tensor | Sequence[Tensor]


def as_levels(features: Levels) -> list[Tensor]:
    """A list of levels from one feature map or several.

    Raises:
        ValueError: There is none, or something is not a feature map.
    """
    levels = [features] if isinstance(features, Tensor) else list(features)
    if not levels:
        raise ValueError('there is no feature level')
    for level in levels:
        if not isinstance(level, Tensor):
            raise ValueError('expected a feature map or a list of them, got '
                             f'a list of {type(level).__name__}')
    return levels


class DistillationLoss(nn.Module):
    """What a loss says of itself to whoever feeds it.

    Every loss of the package derives from it. A loss of another package does
    not have to: :class:`.foreign.ForeignLoss` speaks for it.

    Attributes:
        same_shape (bool): Student and teacher need equal shapes, so that
            connectors are inferred where they differ.
        maps_only (bool): The loss tells channels from positions, so that
            anything but (N, C, H, W) maps is refused.
        fixed (tuple[str]): Arguments that come from the student without a
            gradient, such as targets.
        between_heads (bool): The config names two heads, and the loss says
            what to read of them; see :class:`.heads.base.HeadLoss`.
        takes_levels (bool): It is called once, with all levels of both
            sides, which match one by one.
        compares_classes (bool): It compares scores class by class, so that
            student and teacher need the same classes in one order.
        lacks (str): The option that only a dry run can tell, while neither
            the config nor :meth:`fit` has; else empty.
        replaces_connectors (tuple[str]): Classes of connectors, e.g. of
            MMRazor, whose work this loss does itself.
        schedules (dict): Options that change over time, by name.
    """

    same_shape: bool = True
    maps_only: bool = False
    fixed: tuple[str, ...] = ()
    between_heads: bool = False
    takes_levels: bool = False
    compares_classes: bool = False
    lacks: str = ''
    replaces_connectors: tuple[str, ...] = ()

    def __init__(self) -> None:
        super().__init__()
        self.schedules: dict[str, Constant] = {}

    def called(self) -> Callable:
        """The function whose argument names a config may give."""
        return self.forward

    def terms(self, values: Mapping[str, Any],
              split: Collection[str]) -> tuple[Tensor, list[Tensor]]:
        """The total and its parts.

        Args:
            values (dict): Arguments by name.
            split (Collection[str]): Names of those that are a list of
                levels; the loss is called once per level.

        Returns:
            tuple[Tensor, list[Tensor]]: A scalar, and one scalar per level.

        Raises:
            ValueError: The arguments have different numbers of levels.
        """
        return level_by_level(self, values, split)

    def fit(self, teacher: Sequence[Tensor]) -> None:
        """Learn what the config does not say, before it is first called.

        Args:
            teacher (list[Tensor]): The teacher's levels in the dry run.
        """

    def metrics(self) -> dict[str, Tensor]:
        """Values of the last call, for the log."""
        return {}

    def student_weights(
            self, progress: Progress) -> dict[str | tuple[str, ...], float]:
        """What the student's own losses weigh beside this one, by name.

        A tuple has several candidates: the first that the student has counts.
        """
        return {}


def level_by_level(loss: Callable[..., Tensor], values: Mapping[str, Any],
                   split: Collection[str]) -> tuple[Tensor, list[Tensor]]:
    """Call a loss of one level for each of several, and sum.

    Args:
        loss: Called with keywords; returns a scalar.
        values (dict): Arguments by name.
        split (Collection[str]): Names of those that are a list of levels;
            with none of them the loss is called once.

    Returns:
        tuple[Tensor, list[Tensor]]: The sum, and one scalar per level.

    Raises:
        ValueError: The arguments have different numbers of levels.
    """
    counts = {len(values[name]) for name in split}
    if not counts:
        total = loss(**values)
        return total, [total]
    if len(counts) > 1:
        raise ValueError('its arguments have different numbers of levels: '
                         f'{sorted(counts)}')
    levels = [
        loss(
            **{
                name: value[i] if name in split else value
                for name, value in values.items()
            }) for i in range(counts.pop())
    ]
    return torch.stack(levels).sum(), levels


class MultiLevelLoss(DistillationLoss, ABC):
    """A loss over a list of feature levels.

    Subclasses implement :meth:`levels`, one scalar per level. The total is
    the mean or sum of these, each times its weight, so that every level
    counts alike whatever its area. It is computed in float32 at least, also
    inside autocast.

    Args:
        level_weights (list[float], optional): One weight per level; default:
            1 each.
        level_reduction (str): ``'mean'`` or ``'sum'`` over levels.

    Raises:
        ValueError: An argument is none of the above.
    """

    maps_only = True
    takes_levels = True

    def __init__(self, level_weights: Sequence[float] | None = None,
                 level_reduction: str = 'mean') -> None:
        super().__init__()
        check_known(f'{type(self).__name__}: level_reduction', level_reduction,
                    ('mean', 'sum'))
        if isinstance(level_weights, (int, float)):
            raise ValueError(f'{type(self).__name__}: level_weights='
                             f'{level_weights}, expected a list of one number '
                             'a level')
        if level_weights is not None and any(
                not isinstance(w, (int, float)) or not 0 <= w < math.inf
                for w in level_weights):
            raise ValueError(f'{type(self).__name__}: level_weights='
                             f'{list(level_weights)}, expected numbers of 0 '
                             'or more')
        self.level_weights = level_weights
        self.level_reduction = level_reduction

    @abstractmethod
    def levels(self, s_feature: Levels, t_feature: Levels, *args: Any,
               **kwargs: Any) -> list[Tensor]:
        """One scalar per level.

        Args:
            s_feature, t_feature (Tensor | list[Tensor]): Student and
                teacher, (N, C, H, W) each.
            *args, **kwargs: What else a subclass needs, under its own names.
        """

    def pairs(self, s_feature: Levels, t_feature: Levels,
              axes: int | None = None,
              connector: str | None = None) -> list[tuple[Tensor, Tensor]]:
        """Student and teacher of each level, the teacher without gradient.

        Args:
            s_feature, t_feature (Tensor | list[Tensor]): Student and
                teacher, one feature per level.
            axes (int, optional): How many of the first axes must have equal
                lengths; default: all.
            connector (str, optional): Type of the connector that the message
                advises.

        Raises:
            ValueError: The levels differ in number or in these axes, or
                something is not a feature map.
        """
        student, teacher = as_levels(s_feature), as_levels(t_feature)
        try:
            check_pairs(type(self).__name__, student, teacher, axes)
        except ValueError as error:
            if connector is None:
                raise
            raise ValueError(
                f'{error}. Where the channels differ, connector=dict('
                f"type='{connector}') gives the student the teacher's"
            ) from error
        return [(s, t.detach()) for s, t in zip(student, teacher, strict=True)]

    def reduce(self, levels: Sequence[Tensor]) -> Tensor:
        """Mean or sum over levels of each one times its weight."""
        weights = self.level_weights
        if weights is None:
            weights = [1.0] * len(levels)
        if len(weights) != len(levels):
            raise ValueError(f'{type(self).__name__}: level_weights has '
                             f'{len(weights)} entries for '
                             f'{len(levels)} levels')
        total = torch.stack(
            [w * level for w, level in zip(weights, levels, strict=True)])
        return (total.mean() if self.level_reduction == 'mean' else
                total.sum())

    @in_full_precision
    def forward(self, *args, **kwargs) -> Tensor:
        """The total, with the arguments of :meth:`levels`."""
        return self.reduce(self.levels(*args, **kwargs))

    def called(self) -> Callable:
        """:meth:`levels`, which a subclass gives its own arguments."""
        return self.levels

    def terms(self, values: Mapping[str, Any],
              split: Collection[str]) -> tuple[Tensor, list[Tensor]]:
        """The total and the levels, of one call with all levels."""
        levels = self.levels(**values)
        return self.reduce(levels), levels


def check_pairs(name: str, student: Sequence[Tensor],
                teacher: Sequence[Tensor], axes: int | None = None) -> None:
    """Raise where student and teacher levels do not match.

    Args:
        name (str): The loss, for the message.
        student, teacher (list[Tensor]): One feature per level.
        axes (int, optional): How many of the first axes must have equal
            lengths; default: all.

    Raises:
        ValueError: The levels differ in number, or in these axes.
    """
    if len(student) != len(teacher):
        raise ValueError(f'{name}: the student has {len(student)} levels, '
                         f'the teacher {len(teacher)}')
    which = f'; expected one {", ".join("NCHW"[:axes])}' if axes else ''
    for i, (s, t) in enumerate(zip(student, teacher, strict=True)):
        if s.shape[:axes] != t.shape[:axes] or s.dim() != t.dim():
            raise ValueError(
                f'{name}: level {i} is {tuple(s.shape)} in the student, '
                f'{tuple(t.shape)} in the teacher{which}')
