"""What losses between two detection heads have in common."""
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeAlias

from torch import Tensor, nn

from mmxkd.losses.base import DistillationLoss

Head: TypeAlias = Any
"""An ``nn.Module`` with the attributes of mmdet's heads, such as
``num_classes``. Losses do not import mmdet, so they look for the attributes,
by :func:`require_attributes`, and not for a class.
"""


class LateCaller(Protocol):
    """A teacher that a loss may call again, after the student has run."""

    def late_call(self,
                  gradient: bool = False) -> AbstractContextManager[nn.Module]:
        """Lend the model; ``gradient`` lets gradients reach its inputs."""


class HeadLoss(DistillationLoss, ABC):
    """A loss that knows what to read of a head.

    The config only names the two heads, ``student='bbox_head'`` and
    ``teacher='big:bbox_head'``; the hook points follow from them. The heads
    are compared when the model is built.

    Attributes:
        teacher_head (str): The teacher's head, for a loss that calls it
            again: ``teacher_model.late_call()`` gives the teacher.
    """
    same_shape = False
    between_heads = True
    compares_classes = True

    def __init__(self) -> None:
        super().__init__()
        self.teacher_head = ''
        self._terms: dict[str, Tensor] = {}

    def bind_heads(self, names: tuple[str, str], student: Head,
                   teacher: Head) -> dict[str, str]:
        """Compare two heads, and return what to read of them.

        Args:
            names (tuple[str, str]): Dotted names of both, in their models.
            student, teacher (nn.Module): The heads.

        Returns:
            dict[str, str]: Argument → hook point, ``'student:…'`` or
            ``'teacher:…'``.

        Raises:
            ValueError: The heads do not fit; the message says why.
        """
        self.check(student, teacher)
        self.teacher_head = names[1]
        return self.reads(*names)

    @abstractmethod
    def check(self, student: Head, teacher: Head) -> None:
        """Compare the heads, and make layers that their shapes require.

        Raises:
            ValueError: The heads do not fit; the message says why.
        """

    @abstractmethod
    def reads(self, student: str, teacher: str) -> dict[str, str]:
        """Hook points of the arguments, from the names of the heads."""

    def metrics(self) -> dict[str, Tensor]:
        """The terms of the last call, for the log."""
        return self._terms

    def _note(self, **terms: Tensor) -> None:
        self._terms = {name: term.detach() for name, term in terms.items()}


def require_attributes(head: Head, names: tuple[str, ...], side: str) -> None:
    """Raise where a head lacks an attribute.

    Args:
        head (nn.Module): The head.
        names (tuple[str]): Attributes that it needs.
        side (str): ``'student'`` or ``'teacher'``, for the message.

    Raises:
        ValueError: It names the head and what it lacks.
    """
    lacking = [name for name in names if not hasattr(head, name)]
    if lacking:
        raise ValueError(f'{type(head).__name__} of the {side} has no '
                         + ', '.join(lacking))


def require_equal(student: object, teacher: object, what: str) -> None:
    """Raise where two heads differ.

    Args:
        student, teacher: The values of both heads.
        what (str): Their name, for the message.

    Raises:
        ValueError: It gives both values.
    """
    if student != teacher:
        raise ValueError(f'student and teacher differ in {what}: {student} '
                         f'and {teacher}')
