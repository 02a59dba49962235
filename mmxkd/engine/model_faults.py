"""Why a model cannot be built: the key at fault, and the nearest names."""
import re
from collections.abc import Iterator, Mapping
from inspect import isclass
from typing import Any

from mmengine import registry as root
from mmengine.registry import DefaultScope, Registry

from mmxkd.errors import did_you_mean

from .building import known_arguments

#: What most likely happened to a class of one's own.
OWN_CLASS = (' A class of your own needs its module in custom_imports; a list '
             'there replaces that of the _base_')
#: What the parts of a model are built from.
_REGISTRIES = (root.MODELS, root.TASK_UTILS)


def explain(error: Exception, cfg: Mapping[str, Any],
            scope: str | None = None) -> str:
    """What :func:`find_fault` finds, or else what the error says."""
    found = find_fault(error, cfg, scope)
    text = str(error.args[0] if error.args else error)
    return found or f': {text or type(error).__name__}'


def find_fault(error: Exception, cfg: Mapping[str, Any],
               scope: str | None = None) -> str | None:
    """The misspelt type or argument that an error is about.

    Args:
        error (Exception): What building it raised.
        cfg (dict): The config of the model.
        scope (str, optional): Where its types are looked up.

    Returns:
        str | None: What follows the key of the model in a message, for
        instance ``".backbone: ResNet has no argument 'deph'; did you mean
        'depth'?"``; None where it is about something else.
    """
    text = str(error.args[0] if error.args else error)
    unknown = re.search(r'^([\w.]+) is not in the', text)
    if unknown:
        path = next((path for path, part in parts_of(cfg)
                     if part.get('type') == unknown[1]), '')
        return (f'{path}: there is no type {unknown[1]!r}; '
                + did_you_mean(unknown[1].rpartition('.')[2], all_types())
                + OWN_CLASS)
    called = re.match(r"(\w+)\.__init__\(\) (?:got an unexpected|missing)",
                      text)
    for path, part in parts_of(cfg) if called else ():
        kind = part['type']
        kind = kind if isclass(kind) else _class_of(kind, scope)
        if kind is None or called is None or called[1] not in (
                c.__name__ for c in kind.__mro__):
            continue
        known = known_arguments(kind) or set(part)
        for name in part:
            if name not in (*known, 'type', '_scope_'):
                return (f'{path}: {kind.__name__} has no argument {name!r}; '
                        + did_you_mean(name, known))
    return None


def parts_of(cfg: Any, path: str = '') -> Iterator[tuple[str, Mapping]]:
    """Each dict with a ``type`` in a config, and its path there."""
    if isinstance(cfg, Mapping):
        if 'type' in cfg:
            yield path, cfg
        for name, value in cfg.items():
            yield from parts_of(value, f'{path}.{name}')
    elif isinstance(cfg, (list, tuple)):
        for i, value in enumerate(cfg):
            yield from parts_of(value, f'{path}[{i}]')


def _class_of(name: Any, scope: str | None) -> type | None:
    if not isinstance(name, str):
        return None
    current = DefaultScope.get_current_instance()
    scope = scope or (current.scope_name if current else None)
    for registry in _REGISTRIES:
        with registry.switch_scope_and_registry(scope) as own:
            found = own.get(name)
        if isclass(found):
            return found
    return None


def all_types() -> set[str]:
    """Names of all parts of models, of whatever package is imported."""
    names: set[str] = set()
    waiting: list[Registry] = [*_REGISTRIES]
    while waiting:
        registry = waiting.pop()
        names.update(registry.module_dict)
        waiting += registry.children.values()
    return names
