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

from .hook_points import ALL_CALLS, HookPoint, layer_names, split_model


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


class Delivery:
    """The student reuses what a method gave in the teacher.

    For values that both must share, such as a drawn assignment: the k-th
    call of the student's method returns what the k-th call of the teacher's
    method returned, and the student's own method is not run.

    Args:
        name (str): Its key in ``distill_deliveries``.
        cfg (dict): ``type='MethodOutputs'``; ``method_path`` (MMRazor's
            word) or ``source``: the method, ``'bbox_head.get_targets'``;
            ``teacher``, where there are several.
        models (dict[str, nn.Module]): Student and teachers by name.
        tapes (dict[str, Tape]): Their tapes.

    Raises:
        ConfigError: A key, a teacher or the method does not exist.
    """

    def __init__(self, name: str, cfg: dict, models: dict[str, nn.Module],
                 tapes: dict[str, Any]) -> None:
        key = f'distiller.distill_deliveries.{name}'
        known = ('type', 'method_path', 'source', 'teacher', 'max_keep_data')
        for word in cfg:
            if word not in known:
                raise ConfigError(f'{key}.{word} is unknown; '
                                  + did_you_mean(word, known))
        kind = str(cfg.get('type')).removesuffix('Delivery')
        if kind != 'MethodOutputs':
            raise ConfigError(f"{key}.type={cfg.get('type')!r}: expected "
                              "'MethodOutputs'")
        text = cfg.get('source') or cfg.get('method_path')
        if not text:
            raise ConfigError(f"{key}: 'source' is missing")
        model, path = split_model(text, default=cfg.get('teacher', ''))
        teachers = [n for n in models if n != 'student']
        model = model or (teachers[0] if len(teachers) == 1 else '')
        if model not in teachers:
            raise ConfigError(f'{key}: which teacher? '
                              + did_you_mean(model, teachers))
        self.key = key
        self.point = method_point(models[model], model, path, key)
        own = method_point(models['student'], 'student', path, key)
        self.tape = tapes[model]
        self.tape.add(self.point)
        self.teacher = model
        self.tap = tap_method(models['student'].get_submodule(own.path),
                              own.source.removesuffix('()'))

    @contextmanager
    def delivering(self) -> Iterator[None]:
        """While active, the student's method returns the records."""
        records = self.tape.recorders[self.point.path, self.point.source]
        with supplied(self.tap, self._each(list(records.records))):
            yield

    def _each(self, records: list[Any]) -> Iterator[Any]:
        yield from records
        raise ConfigError(
            f'{self.key}: the student calls the method more often than the '
            f'teacher {self.teacher!r} did ({len(records)} times). Is it '
            "called in the teacher's mode at all? (mode='predict' runs no "
            'losses)')


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
