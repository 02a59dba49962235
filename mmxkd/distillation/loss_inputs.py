"""The places that a loss reads, and what it gets from there."""
import inspect
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from mmxkd.engine.label_sources import pick_frames
from mmxkd.families.regions import check_same_regions, region_point
from mmxkd.recording.hook_points import STUDENT, HookPoint, parse

from .building import bind
from .normal_form import Arguments, Source
from .reading import Kind, Reading, match_single_levels
from .supply import Records

#: Levels of the student and of a teacher.
Pair = tuple[list[Tensor], list[Tensor]]


class LossInputs:
    """The arguments of a loss, each bound to hook points of the models.

    Args:
        function (Callable): What takes the arguments.
        arguments (dict): Where each is read, in normal form.
        models (dict[str, nn.Module]): Student and teachers by name.
        key (str): The config key at fault in errors.

    Attributes:
        readings (dict[str, Reading]): By the names of the arguments.
        asked (list[str]): Names of values beside features that it asks for.
        optional (set[str]): Those of them that it can do without.
        points (dict[Source, HookPoint]): The places that are read.

    Raises:
        ConfigError: A layer or an argument does not exist.
    """

    def __init__(self, function: Callable, arguments: Arguments,
                 models: Mapping[str, nn.Module], key: str) -> None:
        self.key = key
        bound, self.asked = bind(function, arguments, key)
        self.readings = {
            name: Reading.of(name, value, function)
            for name, value in bound.items()
        }
        parameters = inspect.signature(function).parameters
        self.optional = {
            name for name in self.asked
            if parameters[name].default is not inspect.Parameter.empty
        }
        self.points = _points_of(self.sources(), models)
        # Of each layer inside a RoI head, the regions that it works on.
        self._regions = {
            source: replace(source, address=region, connector=None)
            for source, point in self.points.items()
            if (region := region_point(models[source.model], point.path))
        }
        self.points.update(_points_of(self._regions.values(), models))

    def sources(self) -> list[Source]:
        """All places that arguments are read at."""
        return [
            source for reading in self.readings.values()
            for source in reading.sources
        ]

    @property
    def teachers(self) -> set[str]:
        """Names of the teachers that are read."""
        return {s.model for s in self.sources()} - {STUDENT}

    @property
    def shared_connectors(self) -> list[str]:
        """Names of the connectors that arguments go through, each once."""
        return list(
            dict.fromkeys(s.connector for s in self.sources()
                          if s.connector is not None))

    def learning_sources(self, fixed: Collection[str]) -> list[Source]:
        """Places of the student that a loss teaches through.

        Args:
            fixed (Collection[str]): Arguments that get no gradient.
        """
        return [
            source for name, reading in self.readings.items()
            if name not in fixed for source in reading.sources
            if source.model == STUDENT
        ]

    def address(self, position: int) -> str:
        """Where the first or second argument is read."""
        return list(self.readings.values())[position].address

    def read(self, records: Mapping[str, Records]) -> dict[str, Any]:
        """Values of the arguments, in full precision, before connectors.

        Args:
            records (dict[str, Records]): What each model recorded, by name.

        Raises:
            ConfigError: Two RoI heads worked on other regions.
        """
        values = {
            source: records[source.model].read(point)
            for source, point in self.points.items()
        }
        self._check_regions(values)
        return match_single_levels({
            name: reading.read(values)
            for name, reading in self.readings.items()
        })

    def _check_regions(self, values: Mapping[Source, Any]) -> None:
        for own in self._regions:
            for other in self._regions:
                if own.model == STUDENT != other.model:
                    check_same_regions(values[self._regions[own]],
                                       values[self._regions[other]], self.key,
                                       own.address,
                                       f'{other.model}:{other.address}')

    def of_frames(self, values: Mapping[str, Any], frames: Sequence[int],
                  count: int) -> dict[str, Any]:
        """The part of the values that is of some frames of the batch.

        Args:
            values (dict): What :meth:`read` gave.
            frames (list[int]): Positions of the frames.
            count (int): Number of frames in the batch.

        Raises:
            ConfigError: It cannot be told which part is of which frame.
        """
        return {
            name: pick_frames(value, frames, count,
                              f'{self.key}: {self.readings[name].address}')
            for name, value in values.items()
        }

    def pair(self, values: Mapping[str, Any],
             takes_levels: bool) -> Pair | None:
        """Levels of the student and of the (first) teacher, if both are.

        Args:
            values (dict): What :meth:`read` gave.
            takes_levels (bool): Whether the loss takes lists of levels as
                such.
        """
        two = list(self.readings.values())[:2]
        hidden = not takes_levels and any(
            r.whole and r.kind is not Kind.TEACHERS for r in two)
        if hidden or [r.of_student for r in two] != [True, False]:
            return None
        student, teacher = (r.levels(values[r.argument]) for r in two)
        return (student, teacher) if student and teacher else None


def _points_of(sources: Iterable[Source],
               models: Mapping[str, nn.Module]) -> dict[Source, HookPoint]:
    return {
        source: parse(source.address, models[source.model], source.model)
        for source in sources
    }
