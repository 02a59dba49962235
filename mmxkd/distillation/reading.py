"""What one argument of a loss reads, and in which form."""
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import torch
from torch import Tensor

from mmxkd.recording.hook_points import STUDENT
from mmxkd.recording.recorders import map_tensors

from .building import takes_list
from .normal_form import Source, Sources


class Kind(Enum):
    """The form of what an argument reads."""
    VALUE = 'whatever one hook point gives'
    LEVELS = 'several layers of one model, each of which is a level'
    TEACHERS = 'one value per teacher'


@dataclass(frozen=True)
class Reading:
    """An argument of a loss, bound to the places that it reads.

    Attributes:
        argument (str): Its name.
        sources (tuple[Source]): The places, in order.
        kind (Kind): What the values of several sources are.
        whole (bool): A list of levels is passed as it is, even where the
            loss is called once per level.
    """
    argument: str
    sources: tuple[Source, ...]
    kind: Kind
    whole: bool

    @classmethod
    def of(cls, argument: str, value: Sources,
           function: Callable) -> 'Reading':
        """From the normal form, and the function that takes the argument."""
        sources = tuple([value] if isinstance(value, Source) else value)
        several = len({source.model for source in sources}) > 1
        kind = Kind.VALUE if isinstance(
            value, Source) else (Kind.TEACHERS if several else Kind.LEVELS)
        whole = kind is Kind.TEACHERS or takes_list(function, argument)
        return cls(argument, sources, kind, whole)

    @property
    def of_student(self) -> bool:
        """Whether it is read in the student."""
        return self.sources[0].model == STUDENT

    @property
    def address(self) -> str:
        """Where its first value is read, for messages."""
        source = self.sources[0]
        return f'{source.model}:{source.address}'

    @property
    def connector(self) -> str | None:
        """Name of the shared connector that it goes through."""
        return self.sources[0].connector

    def read(self, values: Mapping[Source, Any]) -> Any:
        """Put together what its sources gave, in full precision."""
        found = [
            map_tensors(_full_precision, values[source])
            for source in self.sources
        ]
        return found[0] if self.kind is Kind.VALUE else found

    def levels(self, value: Any) -> list[Tensor] | None:
        """A value as a list of levels, of the first teacher; None if it is
        something else.
        """
        if self.kind is Kind.TEACHERS:
            value = value[0]
        levels = [value] if isinstance(value, Tensor) else value
        return list(levels) if is_levels(levels) else None

    def splits(self, value: Any) -> bool:
        """Whether a loss of one level is called for each element."""
        return not self.whole and is_levels(value)


def match_single_levels(values: dict[str, Any]) -> dict[str, Any]:
    """A list of one level counts as that level where another argument is one.

    So ``neck`` of a detector with one level goes with ``neck[0]``.
    """
    alone = [
        name for name, value in values.items() if isinstance(value, Tensor)
    ]
    single = [
        name for name, value in values.items()
        if is_levels(value) and len(value) == 1
    ]
    if alone and len(alone) + len(single) == len(values):
        values.update({name: values[name][0] for name in single})
    return values


def is_levels(value: Any) -> bool:
    """Whether something is a list of tensors, and not empty."""
    return isinstance(value, (list, tuple)) and bool(value) and all(
        isinstance(v, Tensor) for v in value)


def _full_precision(tensor: Tensor) -> Tensor:
    half = tensor.dtype in (torch.float16, torch.bfloat16)
    return tensor.float() if half else tensor
