"""A supply that is read from disk where it was kept."""
from typing import Any

from ..teacher import Teacher
from .live import LiveSupplier
from .supply import Supply


class CachedSupplier:
    """Runs a teacher only for the frames that its cache does not hold.

    Args:
        teacher (Teacher): One with a ``cache``.
    """

    def __init__(self, teacher: Teacher) -> None:
        self.teacher, self.live = teacher, LiveSupplier(teacher)

    def __call__(self, view: dict[str, Any], predict: bool = False) -> Supply:
        """See :class:`.supply.Supplier`."""

        def run(part: dict[str, Any]) -> tuple[Any, list | None]:
            supply = self.live(part, predict)
            return supply.records, supply.predictions

        assert self.teacher.cache is not None
        return Supply(*self.teacher.cache.supply(view, predict, run))
