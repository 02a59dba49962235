"""What losses and connectors are called with, checked by their signatures."""
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from mmxkd.engine.building import build_part, find_type
from mmxkd.errors import ConfigError, check_known, did_you_mean
from mmxkd.families import asked_names

from .mmrazor_words import POSITIONS
from .supply import Labeller

TEACHER_MODEL = 'teacher_model'
"""The argument by which a loss asks for its teacher itself."""

# What a dry run can tell a connector.
CHANNELS = ('in_channels', 'out_channels')


def bind(function: Callable, arguments: Mapping,
         key: str) -> tuple[dict[str, Any], list[str]]:
    """Check the names of arguments against a signature.

    Args:
        function: What the loss is computed by.
        arguments (dict): Name, or position 0 or 1, to source. ``preds_S``
            and ``preds_T`` are positions 0 and 1 of a loss without such
            names, so that MMRazor's configs need not be renamed.
        key (str): The config key at fault in errors.

    Returns:
        tuple: Arguments by name, and the names that it asks for beside.

    Raises:
        ConfigError: An argument is unknown, or a needed one is missing.
    """
    asked = asked_names() | {TEACHER_MODEL}
    parameters = inspect.signature(function).parameters
    variadic = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    own = [
        name for name, p in parameters.items()
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]
    features = [name for name in own if name not in asked]
    bound: dict[str, Any] = {}
    for name, source in arguments.items():
        if name not in own and not variadic:
            name = POSITIONS.get(name, name)
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
    return bound, [name for name in own if name in asked and name not in bound]


def takes_list(function: Callable, name: str) -> bool:
    """Whether an argument is annotated as a tuple or list.

    Such a loss wants all levels at once; others are called for each.

    Examples:
        >>> def loss(s: list, t: tuple[float, ...], x: float): ...
        >>> [takes_list(loss, name) for name in 'stx']
        [True, True, False]
    """
    parameter = inspect.signature(function).parameters.get(name)
    annotation = getattr(parameter, 'annotation', '')
    text = annotation.__name__ if inspect.isclass(annotation) else str(
        annotation)
    kind = text.split('[')[0].split('.')[-1].lower()
    return kind in ('tuple', 'list', 'sequence')


def build_labellers(configs: Mapping[str, Mapping],
                    teachers: Mapping[str, Any]) -> list[Labeller]:
    """Build what labels samples by a teacher's predictions.

    Raises:
        ConfigError: A type or a teacher does not exist, or a teacher is
            listened to in another mode than ``'predict'``.
    """
    found = []
    for name, cfg in configs.items():
        key = f'distiller.labels.{name}'
        labeller: Any = build_part(cfg, key)
        for teacher in labeller.teachers:
            check_known(f'{key}.teacher', teacher, teachers)
            if teachers[teacher].mode != 'predict':
                raise ConfigError(f'{key}: teachers.{teacher}.mode must be '
                                  "'predict'")
        found.append(labeller)
    return found


def lacks_channels(cfg: Mapping[str, Any], key: str) -> bool:
    """Whether a connector takes channels that its config does not give."""
    kind, cfg = find_type(cfg, key)
    takes = inspect.signature(kind).parameters
    return set(CHANNELS) <= set(takes) and not set(CHANNELS) <= set(cfg)
