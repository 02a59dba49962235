"""Losses of other packages, such as MMRazor."""
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from mmxkd.schedules import Constant, Progress

from .base import DistillationLoss, level_by_level


class ForeignLoss:
    """Says of a loss what :class:`.base.DistillationLoss` would say.

    Attributes of that base that the module has are used; the others have
    their defaults. It is not a module, so that the names of weights in a
    checkpoint stay those of the loss itself.

    Args:
        module (nn.Module): A loss whose ``forward`` takes one level, and
            returns a scalar.
    """

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        base = DistillationLoss
        self.same_shape: bool = getattr(module, 'same_shape', base.same_shape)
        self.maps_only: bool = getattr(module, 'maps_only', base.maps_only)
        self.fixed: tuple[str, ...] = getattr(module, 'fixed', base.fixed)
        self.compares_classes: bool = getattr(module, 'compares_classes',
                                              base.compares_classes)
        self.between_heads = self.takes_levels = False
        self.lacks = base.lacks
        self.replaces_connectors = base.replaces_connectors
        self.schedules: dict[str, Constant] = getattr(module, 'schedules', {})

    def called(self) -> Callable:
        """The function whose argument names a config may give."""
        return self.module.forward

    def terms(self, values: Mapping[str, Any],
              split: Collection[str]) -> tuple[Tensor, list[Tensor]]:
        """See :meth:`.base.DistillationLoss.terms`."""
        return level_by_level(self.module, values, split)

    def fit(self, teacher: Sequence[Tensor]) -> None:
        """Nothing: its config says all."""

    def metrics(self) -> dict[str, Tensor]:
        """Values for the log, where the module has them."""
        metrics = getattr(self.module, 'metrics', dict)
        return metrics()

    def student_weights(
            self, progress: Progress) -> dict[str | tuple[str, ...], float]:
        """None: it does not know the student's own losses."""
        return {}


def as_distillation_loss(module: nn.Module) -> DistillationLoss | ForeignLoss:
    """The module itself, or a :class:`ForeignLoss` that speaks for it."""
    if isinstance(module, DistillationLoss):
        return module
    return ForeignLoss(module)
