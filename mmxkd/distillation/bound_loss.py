"""One distillation loss, bound to the layers that it reads."""
import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mmxkd.errors import ConfigError
from mmxkd.losses.heads.base import HeadLoss
from mmxkd.recording.hook_points import STUDENT, HookPoint, parse
from mmxkd.recording.methods import by_layer
from mmxkd.recording.recorders import map_tensors
from mmxkd.recording.tape import Tape
from mmxkd.schedules import build_schedule

from .building import CHANNELS, bind, build_part, lacks_channels, takes_list
from .connectors import connect, infer_connector
from .fitting import check_maps, connectors_for
from .head_binding import head_sources
from .loss_config import LossConfig, Source


class BoundLoss(nn.Module):
    """A loss module, where its arguments come from, and its weight.

    Args:
        config (LossConfig): The loss in normal form.
        tapes (dict[str, Tape]): The tape of each model, ``'student'`` among
            them. The hook points are added to them.
        models (dict[str, nn.Module]): The models themselves.

    Raises:
        ConfigError: A layer, an argument or a type does not exist.
    """

    def __init__(self, config: LossConfig, tapes: Mapping[str, Tape],
                 models: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.name = config.name
        self.key = f'distiller loss {config.name!r}'
        self.schedule = build_schedule(config.weight,
                                       f'{self.key}: loss_weight')
        self.module = build_part(config.cfg, self.key)
        self.connector: nn.Module | None = None
        # The config of a connector whose channels a dry run has to tell.
        self.unfitted: Mapping | None = None
        if isinstance(config.connector, Mapping):
            if lacks_channels(config.connector, f'{self.key}: connector'):
                self.unfitted = config.connector
            else:
                self.connector = build_part(config.connector,
                                            f'{self.key}: connector')
        self.by_level = not hasattr(self.module, 'levels')
        function = self.module.forward if self.by_level else (
            self.module.levels)
        arguments = config.arguments
        if isinstance(self.module, HeadLoss):
            arguments = head_sources(self.module, config, models, self.key)
        self.arguments, self.context = bind(function, arguments, self.key)
        if 'teacher_model' in self.context and len(self.teachers) != 1:
            raise ConfigError(f'{self.key}: it calls its teacher again, so '
                              'it reads one, not '
                              f'{sorted(self.teachers)}')
        parameters = inspect.signature(function).parameters
        self.optional = {
            name for name in self.context
            if parameters[name].default is not inspect.Parameter.empty
        }
        # Arguments that are one value a teacher, not one a level.
        self.several = {
            name for name, source in self.arguments.items()
            if isinstance(source, list) and len({s.model for s in source}) > 1
        }
        self.whole = self.several.union(
            name for name in self.arguments if takes_list(function, name))
        # A connector that the config names is not added to.
        self.infer = config.connector == 'auto' and not any(
            source.connector for source in self.sources())
        self.points: dict[Source, HookPoint] = {}
        for source in self.sources():
            model = models[source.model]
            point = parse(
                by_layer(model, source.address), model, source.model)
            self.points[source] = point
            tapes[source.model].add(point)

    def sources(self) -> list[Source]:
        """All places that are read."""
        found: list[Source] = []
        for value in self.arguments.values():
            found += value if isinstance(value, list) else [value]
        return found

    @property
    def teachers(self) -> set[str]:
        """Names of the teachers that must run for this loss."""
        return {s.model for s in self.sources()} - {STUDENT}

    def learning_sources(self) -> list[Source]:
        """Places of the student that this loss teaches through."""
        fixed = getattr(self.module, 'fixed', ())
        return [
            source for argument, value in self.arguments.items()
            if argument not in fixed
            for source in (value if isinstance(value, list) else [value])
            if source.model == STUDENT
        ]

    def read(self, tapes: Mapping[str, Tape]) -> dict[str, Any]:
        """Values of the arguments, in full precision, before connectors."""

        def one(source: Source):
            value = tapes[source.model].read(self.points[source])
            return map_tensors(_full_precision, value)

        return {
            argument: [one(s) for s in source]
            if isinstance(source, list) else one(source)
            for argument, source in self.arguments.items()
        }

    def fit(self, values: dict[str, Any], shared: Mapping[str, nn.Module]
            ) -> None:
        """Compare levels and shapes, and infer a connector where needed.

        Raises:
            ConfigError: The levels differ in number, something is no feature
                map, or no connector can be inferred.
        """
        values = self._connected(values, shared)
        pair = self._pair(values)
        if pair is None:
            self.check_fitted()
            return
        student, teacher = pair
        if len(student) != len(teacher):
            raise ConfigError(
                f'{self.key}: {self.address(0)} has {len(student)} levels, '
                f'{self.address(1)} has {len(teacher)}; choose as many on '
                'both sides, e.g. by a range such as [:4]')
        for position, levels in enumerate(pair):
            if getattr(self.module, 'maps_only', False):
                check_maps(levels, f'{self.key}: '
                           f'{type(self.module).__name__} compares maps, '
                           + self.address(position))
        if self.unfitted is not None:
            self.connector = connectors_for(
                self.unfitted, student, teacher, f'{self.key}: connector')
            self.unfitted = None
        if not self.infer or self.connector is not None:
            return
        if not getattr(self.module, 'same_shape', True):
            return
        try:
            self.connector = infer_connector(student, teacher)
        except ValueError as error:
            raise ConfigError(f'{self.key}: {error}') from error

    def check_fitted(self) -> None:
        """Raise where no dry run has told a connector its channels.

        Raises:
            ConfigError: There is such a connector.
        """
        if self.unfitted is not None:
            raise ConfigError(
                f'{self.key}: connector={dict(self.unfitted)}: no dry run '
                f'told its channels; state {CHANNELS}')

    def address(self, position: int) -> str:
        """Where its first or second argument is read."""
        source = list(self.arguments.values())[position]
        source = source[0] if isinstance(source, list) else source
        return f'{source.model}:{source.address}'

    def _pair(self, values: dict[str, Any]
              ) -> tuple[list[Tensor], list[Tensor]] | None:
        """Levels of the student and of the (first) teacher, if both are."""
        if len(values) < 2:
            return None
        sides = []
        for (argument, source), wanted in zip(
                list(self.arguments.items())[:2], (True, False),
                strict=True):
            value = values[argument]
            if isinstance(source, list):
                source = source[0]
            if argument in self.several:
                value = value[0]
            if (source.model == STUDENT) is not wanted or (
                    self.by_level and argument in self.whole - self.several):
                return None
            levels = [value] if isinstance(value, Tensor) else value
            if not all(isinstance(level, Tensor) for level in levels):
                return None
            sides.append(list(levels))
        return sides[0], sides[1]

    def _connected(self, values: dict[str, Any],
                   shared: Mapping[str, nn.Module]) -> dict[str, Any]:
        """Apply the connectors."""
        values = dict(values)
        names = list(values)
        target: Any = values[names[1]] if len(names) > 1 else None
        if len(names) > 1 and names[1] in self.several:
            target = target[0]
        for argument, source in self.arguments.items():
            if isinstance(source, Source) and source.connector is not None:
                values[argument] = connect(shared[source.connector],
                                           values[argument], target)
        if self.connector is not None:
            value = values[names[0]]
            if isinstance(value, Tensor) and isinstance(
                    self.connector, nn.ModuleList):
                value = self.connector([value], [target])[0]
            else:
                value = connect(self.connector, value, target)
            values[names[0]] = value
        return values

    def forward(self, values: dict[str, Any], context: Mapping[str, Any],
                shared: Mapping[str, nn.Module]
                ) -> tuple[Tensor, list[Tensor]]:
        """The raw loss and its levels.

        Args:
            values (dict): What :meth:`read` gave.
            context (dict): Values of the names in :data:`.building.CONTEXT`.
            shared (dict): Connectors that the config gave a name.

        Returns:
            tuple[Tensor, list[Tensor]]: A scalar without its weight, and one
            scalar a level.
        """
        values = self._connected(values, shared)
        split = {name for name, value in values.items()
                 if name not in self.whole and _is_levels(value)}
        values.update(self._asked(context))
        if not self.by_level:
            levels = self.module.levels(**values)
            return self.module.reduce(levels), levels
        counts = {len(values[name]) for name in split}
        if not counts:
            total = self.module(**values)
            return total, [total]
        if len(counts) > 1:
            raise ConfigError(f'{self.key}: its arguments have different '
                              f'numbers of levels: {sorted(counts)}')
        levels = [
            self.module(**{
                name: value[i] if name in split else value
                for name, value in values.items()
            }) for i in range(counts.pop())
        ]
        # MMRazor's losses know one level; a list of them is their sum.
        return torch.stack(levels).sum(), levels

    def _asked(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """What the loss asks for beside features.

        What the student cannot serve is left at its default, where the
        argument has one.
        """
        found = {}
        for name in self.context:
            try:
                if name == 'teacher_model':
                    (teacher, ) = self.teachers
                    found[name] = context['teachers'][teacher]
                else:
                    found[name] = context[name]
            except ConfigError as error:
                if name not in self.optional:
                    raise ConfigError(f'{self.key}: {error}') from error
        return found

    def rest(self, like: Tensor, shared: Mapping[str, nn.Module]) -> Tensor:
        """A zero that keeps the parameters of an idle loss in the graph.

        DDP waits for the gradient of every parameter, also when a schedule
        has switched its loss off.
        """
        modules = [self] + [shared[s.connector] for s in self.sources()
                            if s.connector is not None]
        zero = like.new_zeros(())
        for module in modules:
            for parameter in module.parameters():
                if parameter.requires_grad:
                    zero = zero + parameter.sum() * 0.0
        return zero


def _full_precision(tensor: Tensor) -> Tensor:
    return tensor.float() if tensor.dtype in (
        torch.float16, torch.bfloat16) else tensor


def _is_levels(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and bool(value) and all(
        isinstance(v, Tensor) for v in value)
