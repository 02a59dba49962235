"""The interface of what labels samples by the predictions of teachers."""
from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Labeller(Protocol):
    """Writes boxes into the student's samples before its forward.

    :mod:`mmxkd.engine.labellers` has those that there are.

    Attributes:
        teachers: Names of those whose predictions it reads.
    """

    @property
    def teachers(self) -> Sequence[str]:
        ...

    def check_classes(self, student: Sequence[str] | None,
                      teachers: Mapping[str, Any]) -> None:
        """Refuse teachers whose classes are not what it takes them for."""

    def label(self, samples: Sequence[Any], *found: Sequence[Any]) -> None:
        """Label samples in place, by one list per teacher in its order."""
