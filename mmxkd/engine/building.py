"""Building parts of a model from configs, with errors that name the key."""
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mmengine.registry import DefaultScope
from torch import nn

from mmxkd.errors import ConfigError, did_you_mean
from mmxkd.registry import MODELS


def find_type(
    cfg: Mapping[str, Any], key: str,
    beside: Sequence[str] = ()) -> tuple[Callable, dict[str, Any]]:
    """What a config builds: ours by its bare name, others by scope.

    Args:
        cfg (dict): With a ``type``.
        key (str): The config key at fault in errors.
        beside (Sequence[str]): Keys that were read before, which a misspelt
            one may mean.

    Returns:
        tuple: The class, and the config with its name in full.

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
    _check_arguments(kind, cfg, key, beside)
    return kind, cfg


def build_part(cfg: Mapping[str, Any], key: str,
               beside: Sequence[str] = ()) -> nn.Module:
    """Build a loss or connector; see :func:`find_type`.

    Raises:
        ConfigError: The type is unknown, or one of its arguments.
    """
    _, cfg = find_type(cfg, key, beside)
    try:
        return MODELS.build(cfg)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise ConfigError(f'{key}: {error}') from error


def _check_arguments(builder, cfg: Mapping[str, Any], key: str,
                     beside: Sequence[str]) -> None:
    """Name an unknown argument, and the nearest known one."""
    if builder is None or not inspect.isclass(builder):
        return
    known = known_arguments(builder)
    for name in cfg:
        if known is not None and name not in (*known, 'type', '_scope_'):
            raise ConfigError(
                f'{key}: {builder.__name__} has no argument '
                f'{name!r}; {did_you_mean(name, {*known, *beside})}')


def known_arguments(builder: type) -> set[str] | None:
    """The names that a class takes; None where it takes any.

    A class that hands ``**kwargs`` on to its base takes those of the base too.

    Examples:
        >>> class Base:
        ...     def __init__(self, mu=1): ...
        >>> class Own(Base):
        ...     def __init__(self, nu=1, **options): ...
        >>> sorted(known_arguments(Own))
        ['mu', 'nu']
    """
    known: set[str] = set()
    for cls in builder.__mro__:
        if '__init__' not in vars(cls) or cls is object:
            continue
        signature = inspect.signature(vars(cls)['__init__'])
        parameters = list(signature.parameters.values())
        known.update(p.name for p in parameters[1:]
                     if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY))
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return known
    return None
