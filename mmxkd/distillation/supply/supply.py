"""One interface for what a teacher gives, wherever it comes from."""
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from mmxkd.recording.hook_points import HookPoint


class Records(Protocol):
    """What the layers of one model gave in one forward pass."""

    def read(self, point: HookPoint) -> Any:
        """The value at a hook point, checked."""

    def calls(self, point: HookPoint) -> list[Any]:
        """What each call of its layer gave; empty if it was not called."""


@dataclass
class Supply:
    """What one teacher gives in one step.

    Attributes:
        records (Records): Of the layers that losses and deliveries read.
        predictions (list, optional): One data sample per image with
            ``pred_instances``, in pixels of the student's input; None where
            nobody asked for them.
    """
    records: Records
    predictions: list | None = None


#: What each teacher gives in one step, by its name.
Supplies = Mapping[str, Supply]


class Supplier(Protocol):
    """Where a supply comes from: a running teacher, a cache, a file."""

    def __call__(self, view: dict[str, Any], predict: bool) -> Supply:
        """The supply of one step.

        Args:
            view (dict): ``inputs`` and ``data_samples`` of the batch, as the
                teacher's data preprocessor gave them.
            predict (bool): Whether somebody asks for predictions.
        """
