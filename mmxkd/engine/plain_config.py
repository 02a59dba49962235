"""Configs as text, read without running them."""
import ast
from typing import Any


def read_plain_config(text: str) -> dict[str, Any]:
    """The values of a config that mmengine dumped as Python.

    Such a text (``meta['cfg']`` of a checkpoint) assigns literals and calls
    of ``dict`` to names. These are read; nothing is run, and whatever is
    something else is left out.

    Examples:
        >>> read_plain_config('''
        ... model = dict(type='A', mean=[1.0, -2.0], std=open('x'))
        ... import os
        ... ''')
        {'model': {'type': 'A', 'mean': [1.0, -2.0]}}
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    found = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            value = _value(node.value)
            if isinstance(target, ast.Name) and value is not _UNREAD:
                found[target.id] = value
    return found


_UNREAD = object()


def _value(node: ast.AST) -> Any:
    """The value of a literal or of a call of ``dict``, else ``_UNREAD``."""
    if isinstance(node, ast.Call):
        if not isinstance(node.func, ast.Name) or node.func.id != 'dict':
            return _UNREAD
        pairs = [(word.arg, _value(word.value)) for word in node.keywords]
        return {k: v for k, v in pairs if k is not None and v is not _UNREAD}
    if isinstance(node, ast.Dict):
        items = [(_value(k), _value(v))
                 for k, v in zip(node.keys, node.values, strict=True)
                 if k is not None]
        return {
            k: v for k, v in items
            if isinstance(k, (str, int, float, bool)) and v is not _UNREAD
        }
    if isinstance(node, (ast.List, ast.Tuple)):
        values = [_value(item) for item in node.elts]
        if any(value is _UNREAD for value in values):
            return _UNREAD
        return values if isinstance(node, ast.List) else tuple(values)
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return _UNREAD
