"""Errors of reading a file name that file.

What breaks: ``mmengine.load``, ``Config.fromfile`` and mmdet's ``CocoDataset``
pass on what the parser says: ``JSONDecodeError``, ``RecursionError`` or
``ConstructorError`` without the file. In a chain of ``_base_`` configs nobody
knows which one was meant.
Repair: ``ConfigError`` with the file, the line and the reason. A config in
YAML or JSON that is not a mapping is refused too.
Versions: mmengine <= 0.11.0rc0, mmdet 3.x. We know of no report.
Can go: when mmengine names the file.
"""
import contextvars
import functools
import re
import sys
from collections.abc import Callable
from json import JSONDecodeError
from types import ModuleType
from typing import Any

from mmxkd.errors import CheckpointError, ConfigError

from .import_hook import after_import, replace
from .stacks import BOTH

STACKS = BOTH

# mmengine parses a temporary copy of a config; this is its real name.
_config: contextvars.ContextVar[str | None] = contextvars.ContextVar(
    '_config', default=None)

_TOO_DEEP = 'lists or dicts are nested too deep'
# mmengine walks through configs by recursion, some calls per level.
MOST_LEVELS = 100


def apply() -> None:
    """Repair ``mmengine.load``, ``Config`` and the reader of COCO files."""
    after_import('mmengine.fileio.io', _repair_load)
    after_import('mmengine.config.config', _repair_config)
    after_import('mmdet.datasets.api_wrappers.coco_api', _repair_coco)


def _repair_load(module: ModuleType) -> None:
    stock = module.load

    @functools.wraps(stock)
    def load(file: Any, *args: Any, **kwargs: Any) -> Any:
        name = _config.get() or file
        content = _named(name, lambda: stock(file, *args, **kwargs))
        if _config.get() and _is_deep(content):
            raise _with_file(ConfigError, name, _TOO_DEEP)
        if _config.get() and not isinstance(content, dict):
            raise _with_file(
                ConfigError, name, 'expected keys and values, got '
                f'{type(content).__name__}')
        return content

    replace(module, 'load', load)


def _repair_config(module: ModuleType) -> None:
    stock, stock_fromfile = module.Config._file2dict, module.Config.fromfile

    @functools.wraps(stock)
    def file2dict(filename: Any, *args: Any, **kwargs: Any) -> Any:
        # What a config in Python reads is another file.
        is_code = str(filename).endswith('.py')
        token = _config.set(None if is_code else str(filename))
        try:
            return stock(filename, *args, **kwargs)
        finally:
            _config.reset(token)

    @functools.wraps(stock_fromfile)
    def fromfile(filename: Any, *args: Any, **kwargs: Any) -> Any:
        return _named(filename,
                      lambda: stock_fromfile(filename, *args, **kwargs))

    module.Config._file2dict = staticmethod(file2dict)
    module.Config.fromfile = staticmethod(fromfile)


def _repair_coco(module: ModuleType) -> None:
    stock = module.COCO.__init__

    @functools.wraps(stock)
    def __init__(self, annotation_file: Any = None) -> None:
        _named(annotation_file, lambda: stock(self, annotation_file))

    module.COCO.__init__ = __init__


def _named(file: Any, read: Callable[[], Any]) -> Any:
    """Call ``read``; put the file in front of what a parser raises."""
    try:
        return read()
    except (ConfigError, CheckpointError) as error:
        if hasattr(error, 'file'):
            raise
        raise _with_file(type(error), file, str(error)) from error
    except RecursionError as error:
        raise _with_file(ConfigError, file, _TOO_DEEP) from error
    except Exception as error:
        # The faults of the text itself; others go on as they are.
        if not _is_of_the_text(error):
            raise
        raise _with_file(ConfigError, file, _reason(error)) from error


def _is_deep(content: Any) -> bool:
    """Whether more than :data:`MOST_LEVELS` containers hold each other."""
    level = [content]
    for _ in range(MOST_LEVELS):
        level = [
            child for parent in level
            if isinstance(parent, (dict, list, tuple)) for child in (
                parent.values() if isinstance(parent, dict) else parent)
        ]
    return bool(level)


def _with_file(kind: type[Exception], file: Any, text: str) -> Exception:
    error = kind(f'{file}: {text}')
    error.file = str(file)  # type: ignore[attr-defined]
    return error


def _is_of_the_text(error: Exception) -> bool:
    yaml = sys.modules.get('yaml')
    faults = (JSONDecodeError, UnicodeDecodeError)
    return isinstance(error, faults + ((yaml.YAMLError, ) if yaml else ()))


def _reason(error: Exception) -> str:
    """What a parser says, in one line."""
    mark = getattr(error, 'problem_mark', None)
    problem = getattr(error, 'problem', None) or str(error)
    tag = re.search(r"'tag:yaml\.org,2002:(python/[^']+)'", problem)
    if tag:
        problem = (f'refused: `!!{tag.group(1)}` would run code; write plain '
                   'values')
    where = f'line {mark.line + 1}: ' if mark else ''
    return where + ' '.join(problem.split())
