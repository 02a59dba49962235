"""Listening to a method of a layer, and supplying its result.

One :class:`MethodTap` takes the place of a bound method of one layer of one
model, so that any number of recorders and a delivery share it; the class is
not patched.
"""
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


@contextmanager
def supplied(tap: MethodTap, values: Iterator[Any]) -> Iterator[None]:
    """While active, each call gives the next value, and runs nothing."""
    tap.supply = values
    try:
        yield
    finally:
        tap.supply = None


def method_point(model: nn.Module, name: str, path: str,
                 key: str) -> HookPoint:
    """A hook point on all calls of a method.

    Args:
        model (nn.Module): The model.
        name (str): Its name.
        path (str): ``'bbox_head.get_targets'``.
        key (str): The config key at fault in errors.

    Raises:
        ConfigError: There is no such layer or method.
    """
    owner, _, method = path.removesuffix('()').rpartition('.')
    names = layer_names(model)
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
