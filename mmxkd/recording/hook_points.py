"""Addresses of layers, and of values inside what these layers give.

A hook point reads ``[teacher:]module.path`` followed by any of

========== ==========================================================
``.inputs`` the layer's inputs instead of its output
``.name()`` what this method of the layer returns
``@2``      its third call in one forward pass; ``@*`` all calls, as a list,
            ``@[0:2]`` the first two
``[i]``     an element of a tuple or list; ``[a:b]`` a range of them
``.key``    an entry of a dict (or a field of a data element)
========== ==========================================================

so ``gated:neck[:4]`` is the first four levels of the neck of the teacher
named ``gated``, and ``bbox_head.retina_cls@*`` the outputs of a convolution
that a head shares between levels.
"""
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from mmxkd.errors import ConfigError, did_you_mean

STUDENT = 'student'
ALL_CALLS = slice(None)

Step = int | slice | str
Call = int | slice | None

_TOKEN = re.compile(
    r'''
      (?:\A|(?<=.)\.)(?P<method>[A-Za-z_]\w*)\(\)
    | (?:\A|(?<=.)\.)(?P<name>[A-Za-z_]\w*|\d+)
    | \[(?P<index>-?\d+)\]
    | \[(?P<begin>-?\d+)?:(?P<end>-?\d+)?\]
    | @(?P<call>\d+)
    | @\[(?P<call_begin>\d+)?:(?P<call_end>\d+)?\]
    | @(?P<all>\*)
''', re.VERBOSE)


@dataclass(frozen=True)
class HookPoint:
    """A parsed address.

    Attributes:
        model (str): ``'student'`` or the name of a teacher.
        path (str): Dotted name of the layer.
        source (str): ``'outputs'`` or ``'inputs'`` of the layer, or a
            method, ``'name()'``.
        call (int | slice | None): Which call; None where the layer is to be
            called once.
        steps (tuple): Indices, ranges and keys into the record.
        text (str): The address as the user wrote it.
    """
    model: str
    path: str
    source: str
    call: Call
    steps: tuple[Step, ...]
    text: str


def split_model(text: str, default: str = STUDENT) -> tuple[str, str]:
    """Split ``'gated:neck[0]'`` into ``('gated', 'neck[0]')``.

    Examples:
        >>> split_model('neck[:4]')
        ('student', 'neck[:4]')
    """
    found = re.match(r'\s*([A-Za-z_][\w-]*)\s*:(.*)$', text, re.DOTALL)
    if found:
        return found.group(1), found.group(2).strip()
    return default, text.strip()


def parse(text: str, model: nn.Module, model_name: str) -> HookPoint:
    """Resolve an address in a model.

    Args:
        text (str): The address, without ``teacher:``.
        model (nn.Module): Where its layers are looked up.
        model_name (str): ``'student'`` or the name of the teacher.

    Returns:
        HookPoint: The address; names after the last layer are keys.

    Raises:
        ConfigError: The text is no address, or its layer does not exist.
    """
    names: list[str] = []
    steps: list[Step] = []
    source = 'outputs'
    call: Call = None
    module, at = model, 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise ConfigError(
                f'hook point {text!r} of {model_name!r}: cannot read '
                f'{text[at:]!r}; expected a name, [i], [a:b], .key, @call or '
                '.inputs; ' + did_you_mean(text, layer_names(model)))
        at, found = token.end(), token.groupdict()
        in_path = not steps and call is None and source == 'outputs'
        if found['method'] is not None:
            if not in_path or not callable(
                    getattr(module, found['method'], None)):
                methods = [m for m in dir(type(module)) if m[0] != '_']
                raise ConfigError(
                    f'hook point {text!r}: {type(module).__name__} has no '
                    f'method {found["method"]!r}; '
                    + did_you_mean(found['method'], methods))
            source = found['method'] + '()'
        elif found['name'] is not None:
            layer = module._modules.get(found['name']) if in_path else None
            if layer is not None:
                names.append(found['name'])
                module = layer
            elif in_path and not names:
                raise _no_such_layer(text, model, model_name)
            elif in_path and found['name'] == 'inputs':
                source = 'inputs'
            elif found['name'].isdigit():
                raise _no_such_layer(text, model, model_name)
            else:
                steps.append(found['name'])
        elif found['call'] is not None:
            call = int(found['call'])
        elif found['all'] is not None:
            call = ALL_CALLS
        elif token.group().startswith('@'):
            call = slice(_int(found['call_begin']), _int(found['call_end']))
        elif found['index'] is not None:
            steps.append(int(found['index']))
        else:
            steps.append(slice(_int(found['begin']), _int(found['end'])))
    if not names:
        raise _no_such_layer(text, model, model_name)
    if isinstance(module, (nn.ModuleList, nn.ModuleDict)):
        path = '.'.join(names)
        raise ConfigError(
            f'hook point {text!r} of {model_name!r}: {path!r} is a '
            f'{type(module).__name__}, which is never called itself; name '
            f'one of its layers: {[f"{path}.{k}" for k in module._modules]}')
    return HookPoint(model_name, '.'.join(names), source, call, tuple(steps),
                     text)


def _int(text: str | None) -> int | None:
    return None if text is None else int(text)


def layer_names(model: nn.Module) -> list[str]:
    """Dotted names of all layers of a model."""
    return [name for name, _ in model.named_modules() if name]


def _no_such_layer(text: str, model: nn.Module,
                   model_name: str) -> ConfigError:
    name = re.split(r'[^\w.]', text)[0]
    hint = did_you_mean(name, layer_names(model))
    for prefix in ('module.', 'student.', 'architecture.', 'model.'):
        if name.startswith(prefix):
            hint = f'leave out {prefix!r}'
    return ConfigError(f'hook point {text!r}: {model_name!r} '
                       f'({type(model).__name__}) has no layer {name!r}; '
                       f'{hint}')


def pick(record: Any, point: HookPoint, model: nn.Module | None = None) -> Any:
    """Follow the indices and keys of an address into one record.

    Args:
        record: What the layer gave: a tensor, or tuples, lists and dicts.
        point (HookPoint): The address.
        model (nn.Module, optional): Gives better hints in errors.

    Raises:
        ConfigError: The record has no such element.

    Examples:
        >>> point = HookPoint('student', 'neck', 'outputs', None, (1, 'a'),
        ...                   'neck[1].a')
        >>> pick(('p3', dict(a='p4')), point)
        'p4'
    """
    where = f'hook point {point.text!r} of {point.model!r}'
    for step in point.steps:
        if isinstance(step, str):
            record = _pick_key(record, step, point, model, where)
            continue
        if not isinstance(record, (list, tuple)):
            raise ConfigError(f'{where}: cannot take [{_show(step)}] of '
                              f'{describe(record)}')
        if isinstance(step, slice):
            chosen = record[step]
            wanted = step.stop if step.stop is not None else 0
            if not chosen or wanted > len(record):
                raise ConfigError(
                    f'{where}: [{_show(step)}] asks for more than the '
                    f'{len(record)} elements that are there')
            record = list(chosen)
        elif -len(record) <= step < len(record):
            record = record[step]
        else:
            raise ConfigError(f'{where}: [{step}] is out of range, there are '
                              f'{len(record)} elements')
    return record


def layer_hint(point: HookPoint, model: nn.Module | None) -> str:
    """Layers that may be meant where a name was taken for a key.

    Returns:
        str: Part of a message, empty where no name was taken for a key.
    """
    if model is None or not point.steps or not isinstance(point.steps[0], str):
        return ''
    key = point.steps[0]
    near = did_you_mean(f'{point.path}.{key}', layer_names(model))
    return f'; nor has {point.path!r} a layer {key!r}, {near}'


def _pick_key(record: Any, key: str, point: HookPoint, model: nn.Module | None,
              where: str) -> Any:
    if isinstance(record, Mapping):
        if key in record:
            return record[key]
        raise ConfigError(f'{where}: no key {key!r}; '
                          f'{did_you_mean(key, map(str, record))}'
                          + layer_hint(point, model))
    if hasattr(record, 'keys') and key in record.keys():
        return getattr(record, key)
    raise ConfigError(f'{where}: {describe(record)} has no key {key!r}'
                      + layer_hint(point, model))


def _show(step: int | slice) -> str:
    if isinstance(step, int):
        return str(step)
    return ''.join([
        '' if step.start is None else str(step.start), ':',
        '' if step.stop is None else str(step.stop)
    ])


def describe(value: Any) -> str:
    """A few words on a value: its type, shape or length.

    Examples:
        >>> import torch
        >>> describe([torch.zeros(2, 3)])
        'list of 1 × Tensor (2, 3)'
    """
    if isinstance(value, Tensor):
        return f'Tensor {tuple(value.shape)}'
    if isinstance(value, Mapping):
        return f'{type(value).__name__} of {sorted(map(str, value))}'
    if isinstance(value, (list, tuple)):
        inside = sorted({describe(v) for v in value})
        return f'{type(value).__name__} of {len(value)} × ' + ' | '.join(
            inside) if value else f'empty {type(value).__name__}'
    return type(value).__name__
