"""Configs as Python text, and as changes of the config they inherit."""
import keyword
import math
from collections.abc import Mapping
from typing import Any

from mmxkd.errors import ConfigError

WIDTH = 79
DELETE = '_delete_'


class Expression(str):
    """Python that stands in a config as it is, such as ``_base_.model``."""


def assignment(name: str, value: Any) -> str:
    """``name = value``, broken over lines where it is long.

    Raises:
        ConfigError: A value cannot be written as plain Python.

    Examples:
        >>> print(assignment('a', dict(b=[1, None], c=Expression('_base_.c'))))
        a = dict(b=[1, None], c=_base_.c)
    """
    text = f'{name} = ' + _render(value, len(name) + 3, 0, name)
    # Strings are not broken: addresses of weights shall be found by a search.
    return '\n'.join(line + ('  # noqa: E501' if len(line) > WIDTH else '')
                     for line in text.split('\n'))


def _render(value: Any, column: int, indent: int, key: str) -> str:
    """A value whose first line starts at ``column``, the others further in."""
    opening, items, closing = _parts(value, key)
    flat = _flat(value, key)
    if not items or column + len(flat) + 1 <= WIDTH:
        return flat
    inner = indent + 4
    lines = [
        ' ' * inner + label + _render(item, inner + len(label), inner, name)
        + ',' for label, item, name in items
    ]
    return '\n'.join([opening, *lines, ' ' * indent + closing])


def _flat(value: Any, key: str) -> str:
    """A value in one line."""
    opening, items, closing = _parts(value, key)
    if len(items) == 1 and opening == '(':
        closing = ',)'
    inside = (label + _flat(item, name) for label, item, name in items)
    return opening + ', '.join(inside) + closing


def _parts(value: Any, key: str) -> tuple[str, list, str]:
    """Opening, items (label, value, key) and closing of a value."""
    if isinstance(value, Mapping):
        call = all(map(_is_name, value))
        items = [(f'{k}=' if call else f'{k!r}: ', v, f'{key}.{k}')
                 for k, v in value.items()]
        return ('dict(', items, ')') if call else ('{', items, '}')
    if isinstance(value, (list, tuple)):
        items = [('', v, f'{key}[{i}]') for i, v in enumerate(value)]
        return ('[', items, ']') if isinstance(value, list) else ('(', items,
                                                                  ')')
    if isinstance(value, Expression):
        return str(value), [], ''
    if isinstance(value, float) and not math.isfinite(value):
        return f"float('{value}')", [], ''
    if value is None or type(value) in (bool, int, float, str):
        return repr(value), [], ''
    raise ConfigError(f'{key}: a {type(value).__name__} cannot be written '
                      'into a config; expected numbers, strings, None, dicts, '
                      'lists and tuples')


def _is_name(key: Any) -> bool:
    """Whether ``dict(key=…)`` can be written."""
    return (isinstance(key, str) and key.isidentifier()
            and not keyword.iskeyword(key))


def plain(value: Any, scope: str | None = None) -> Any:
    """A copy of dicts, lists and tuples, without one ``_scope_``.

    Args:
        value: Part of a config.
        scope (str, optional): mmengine marks what comes from another package
            by ``_scope_``; where it is the default scope it says nothing.
    """
    if isinstance(value, Mapping):
        return {
            k: plain(v, scope) for k, v in value.items()
            if (k, v) != ('_scope_', scope)
        }
    if isinstance(value, (list, tuple)):
        copies = [plain(v, scope) for v in value]
        return copies if isinstance(value, list) else tuple(copies)
    return value


def changes(new: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """What a config has to say that inherits ``base`` and shall be ``new``.

    Keys at the top that only ``base`` has stay: mmengine cannot remove them.

    Examples:
        >>> changes(dict(a=1, b=dict(c=1, d=2)), dict(a=1, b=dict(c=1, d=3)))
        {'b': {'d': 2}}
        >>> changes(dict(b=dict(c=1)), dict(b=dict(c=1, d=3)))
        {'b': {'_delete_': True, 'c': 1}}
    """
    found = {}
    for key, value in new.items():
        if key not in base:
            found[key] = value
        elif value != base[key]:
            found[key] = _change(value, base[key])
    return found


def _change(value: Any, before: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    if not isinstance(before, Mapping) or set(before) - set(value):
        return {DELETE: True, **value}
    return changes(value, before)


def statements(new: Mapping[str, Any], base: Mapping[str, Any],
               name: str) -> list[str]:
    """Statements that turn the dict ``name``, equal to ``base``, into ``new``.

    Examples:
        >>> statements(dict(a=dict(b=2)), dict(a=dict(b=1, c=3)), 'student')
        ['student.a.b = 2', "student.a.pop('c')"]
    """
    lines = []
    for key, value in new.items():
        place = f'{name}.{key}' if _is_name(key) else f'{name}[{key!r}]'
        if key in base and value == base[key]:
            continue
        if isinstance(value, Mapping) and isinstance(base.get(key), Mapping):
            lines += statements(value, base[key], place)
        else:
            lines.append(assignment(place, value))
    lines += [f'{name}.pop({key!r})' for key in base if key not in new]
    return lines
