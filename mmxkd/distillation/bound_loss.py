"""One distillation loss, bound to the layers that it reads."""
import inspect
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.registry import DefaultScope
from torch import Tensor, nn

from mmxkd.errors import ConfigError, did_you_mean
from mmxkd.registry import MODELS

from .connectors import connect, infer_connector
from .hook_points import STUDENT, HookPoint, parse
from .loss_config import LossConfig, Source
from .methods import by_layer
from .recorders import Tape, map_tensors
from .schedules import build_schedule

# What a loss gets for the asking, by the name of its argument.
CONTEXT = ('batch_data_samples', 'batch_img_metas', 'anchors', 'strides',
           'progress')


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
        self.infer = config.connector == 'auto'
        if isinstance(config.connector, Mapping):
            self.connector = build_part(config.connector,
                                        f'{self.key}: connector')
        self.by_level = not hasattr(self.module, 'levels')
        function = self.module.forward if self.by_level else (
            self.module.levels)
        self.arguments, self.context = bind(function, config.arguments,
                                            self.key)
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
            ConfigError: The levels differ in number, or no connector can be
                inferred.
        """
        values = self._connected(values, shared)
        pair = self._pair(values)
        if pair is None:
            return
        student, teacher = pair
        if len(student) != len(teacher):
            raise ConfigError(
                f'{self.key}: {self._address(0)} has {len(student)} levels, '
                f'{self._address(1)} has {len(teacher)}; choose as many on '
                'both sides, e.g. by a range such as [:4]')
        if not self.infer or self.connector is not None:
            return
        if not getattr(self.module, 'same_shape', True):
            return
        try:
            self.connector = infer_connector(student, teacher)
        except ValueError as error:
            raise ConfigError(f'{self.key}: {error}') from error

    def _address(self, position: int) -> str:
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
                source, value = source[0], value[0]
            if (source.model == STUDENT) is not wanted:
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
        target = values[names[1]] if len(names) > 1 else None
        if len(names) > 1 and isinstance(self.arguments[names[1]], list):
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
            context (dict): Values of the names in :data:`CONTEXT`.
            shared (dict): Connectors that the config gave a name.

        Returns:
            tuple[Tensor, list[Tensor]]: A scalar without its weight, and one
            scalar a level.
        """
        values = self._connected(values, shared)
        values.update({name: context[name] for name in self.context})
        if not self.by_level:
            levels = self.module.levels(**values)
            return self.module.reduce(levels), levels
        counts = {len(v) for v in values.values() if _is_levels(v)}
        if not counts:
            total = self.module(**values)
            return total, [total]
        if len(counts) > 1:
            raise ConfigError(f'{self.key}: its arguments have different '
                              f'numbers of levels: {sorted(counts)}')
        levels = [
            self.module(**{
                name: value[i] if _is_levels(value) else value
                for name, value in values.items()
            }) for i in range(counts.pop())
        ]
        # MMRazor's losses know one level; a list of them is their sum.
        return torch.stack(levels).sum(), levels

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


def bind(function, arguments: Mapping, key: str
         ) -> tuple[dict[str, Any], list[str]]:
    """Check the names of arguments against a signature.

    Args:
        function: What the loss is computed by.
        arguments (dict): Name, or position 0 or 1, to source.
        key (str): The config key at fault in errors.

    Returns:
        tuple: Arguments by name, and the names of the context it wants.

    Raises:
        ConfigError: An argument is unknown, or a needed one is missing.
    """
    parameters = inspect.signature(function).parameters
    variadic = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    own = [
        name for name, p in parameters.items()
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]
    features = [name for name in own if name not in CONTEXT]
    bound: dict[str, Any] = {}
    for name, source in arguments.items():
        if isinstance(name, int):
            if name >= len(features):
                raise ConfigError(f'{key}: it takes only the arguments '
                                  f'{features}')
            name = features[name]
        elif name not in own and not variadic:
            raise ConfigError(f'{key}: it has no argument {name!r}; '
                              + did_you_mean(name, features))
        if name in bound:
            raise ConfigError(f'{key}: the argument {name!r} is given twice')
        bound[name] = source
    # The order of the signature tells the student's side from the teacher's.
    bound = {name: bound[name] for name in [*own, *bound] if name in bound}
    missing = [
        name for name in features
        if name not in bound and parameters[name].default is inspect._empty
    ]
    if missing:
        raise ConfigError(f'{key}: no source for its arguments {missing}')
    return bound, [name for name in own if name in CONTEXT
                   and name not in bound]


def build_part(cfg: Mapping[str, Any], key: str) -> nn.Module:
    """Build a loss or connector: ours by its bare name, others by scope.

    Raises:
        ConfigError: The type is unknown, or one of its arguments.
    """
    cfg = dict(cfg)
    kind = cfg.get('type')
    if isinstance(kind, str):
        if MODELS.get(f'mmxkd.{kind}') is not None:
            cfg['type'] = f'mmxkd.{kind}'
        # Another type is looked up in the scope of the running config.
        scope = DefaultScope.get_current_instance()
        with MODELS.switch_scope_and_registry(
                scope.scope_name if scope else None) as registry:
            kind = registry.get(cfg['type'])
    if kind is None:
        raise ConfigError(
            f'{key}: there is no type {cfg.get("type")!r}; '
            f'{did_you_mean(str(cfg.get("type")), MODELS.module_dict)} A '
            "type of another package needs its scope: 'mmrazor.L2Loss'")
    _check_arguments(kind, cfg, key)
    try:
        return MODELS.build(cfg)
    except (TypeError, ValueError) as error:
        raise ConfigError(f'{key}: {error}') from error


def _check_arguments(builder, cfg: Mapping[str, Any], key: str) -> None:
    """Name an unknown argument, and the nearest known one."""
    if builder is None or not inspect.isclass(builder):
        return
    parameters = inspect.signature(builder).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return
    for name in cfg:
        if name not in ('type', '_scope_') and name not in parameters:
            raise ConfigError(f'{key}: {builder.__name__} has no argument '
                              f'{name!r}; {did_you_mean(name, parameters)}')

