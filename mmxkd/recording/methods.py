"""Listening to a method of a layer, and delivering its result.

One :class:`MethodTap` stands in for a bound method of one layer of one
model, so that any number of recorders and a delivery share it; nothing is
patched on the class.
"""
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from mmxkd.errors import ConfigError, did_you_mean

from .hook_points import ALL_CALLS, HookPoint, layer_names


class MethodTap:
    """Calls a method, unless its result is supplied, and tells listeners.

    Args:
        method (callable): The bound method.
    """

    def __init__(self, method: Callable) -> None:
        self.method = method
        self.listeners: list[Callable[[tuple, dict, Any], None]] = []
        self.supply: Iterator[Any] | None = None

    def __call__(self, *args, **kwargs) -> Any:
        if self.supply is None:
            result = self.method(*args, **kwargs)
        else:
            result = next(self.supply)
        for listener in self.listeners:
            listener(args, kwargs, result)
        return result


def tap_method(module: nn.Module, name: str) -> MethodTap:
    """The tap on a method of a layer; the same one at each call."""
    tap = module.__dict__.get(name)
    if not isinstance(tap, MethodTap):
        tap = MethodTap(getattr(module, name))
        module.__dict__[name] = tap
    return tap


def find_owner(model: nn.Module, class_path: str) -> str | None:
    """The layer whose class has a dotted path such as MMRazor uses.

    Args:
        model (nn.Module): Where to look.
        class_path (str): ``'mmdet.models.dense_heads.RetinaHead'``, by the
            module that defines the class or one that exports it.

    Returns:
        str | None: The dotted name of the layer.

    Raises:
        ConfigError: Several layers are of that class.
    """
    package, _, name = class_path.rpartition('.')
    found = [
        path for path, module in model.named_modules() if path and any(
            c.__name__ == name and c.__module__.startswith(package)
            for c in type(module).__mro__)
    ]
    if len(found) > 1:
        raise ConfigError(f'{class_path}: {len(found)} layers are of this '
                          f'class; name one of them: {found[:10]}')
    return found[0] if found else None


def by_layer(model: nn.Module, address: str) -> str:
    """``package.Class.method()`` as ``layer.method()``, others as they are.

    MMRazor names methods through their class, hook points through a layer.
    """
    found = re.match(r'([\w.]+)\.(\w+)\(\)(.*)$', address)
    if not found or found.group(1).split('.')[0] in model._modules:
        return address
    owner = find_owner(model, found.group(1))
    return f'{owner}.{found.group(2)}(){found.group(3)}' if owner else address


@contextmanager
def supplied(tap: MethodTap, values: Iterator[Any]) -> Iterator[None]:
    """While active, each call gives the next value, and runs nothing."""
    tap.supply = values
    try:
        yield
    finally:
        tap.supply = None


def method_point(model: nn.Module, name: str, path: str, key: str
                 ) -> HookPoint:
    """A hook point on all calls of a method.

    Args:
        model (nn.Module): The model.
        name (str): Its name.
        path (str): ``'bbox_head.get_targets'``, or MMRazor's path through
            the class, ``'mmdet.models.dense_heads.RetinaHead.get_targets'``.
        key (str): The config key at fault in errors.

    Raises:
        ConfigError: There is no such layer or method.
    """
    owner, _, method = path.removesuffix('()').rpartition('.')
    names = layer_names(model)
    if owner not in names:
        owner = find_owner(model, owner) or owner
    if owner not in names:
        raise ConfigError(f'{key}: {name!r} has no layer {owner!r}; '
                          + did_you_mean(owner, names))
    module = model.get_submodule(owner)
    if not callable(getattr(module, method, None)):
        methods = [m for m in dir(type(module)) if not m.startswith('__')]
        raise ConfigError(f'{key}: {type(module).__name__} at {owner!r} has '
                          f'no method {method!r}; '
                          + did_you_mean(method, methods))
    return HookPoint(name, owner, f'{method}()', ALL_CALLS, (), path)
