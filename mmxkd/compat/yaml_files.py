"""YAML without code, wherever mmengine reads it.

What breaks: mmengine reads YAML with ``yaml.CLoader``, which calls whatever a
tag such as ``!!python/object/apply:os.system`` names. Every ``.yaml`` config
runs code that way, and so does each file of its ``_base_``, the ``cfg`` of a
teacher, and ``mmengine.load``.
Repair: the loader of :class:`yaml.CSafeLoader`, which knows plain types only,
and ``!!python/tuple``, which ``Config.dump`` writes. Aliases that unfold to
more than a million values, or that contain themselves, are refused: turning
them into a config would not end. So is what is nested deeper than a hundred
levels: it would end the process where the parser is compiled and Python 3.12
or newer, which does not count its calls.
Versions: mmengine <= 0.11.0rc0. Reported of the same lines in others:
PaddlePaddle/PaddleDetection#9502, XPixelGroup/BasicSR#768.
Can go: when mmengine reads YAML with a safe loader.
"""
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from mmxkd.errors import ConfigError

from .file_names import MOST_LEVELS
from .import_hook import after_import
from .stacks import BOTH

STACKS = BOTH

_TUPLE = 'tag:yaml.org,2002:python/tuple'
_MOST_VALUES = 1_000_000


def apply() -> None:
    """Repair the YAML handler of mmengine."""
    after_import('mmengine.fileio.handlers.yaml_handler', _repair)


def _repair(module: ModuleType) -> None:
    # The handler's methods look the name up in their module.
    module.Loader = plain_loader()


def plain_loader() -> type:
    """The loader: a class for the argument ``Loader`` of ``yaml``.

    It raises :class:`yaml.YAMLError` for tags that it does not know, and
    :class:`ConfigError` for aliases without end and for too many levels.
    """
    import yaml
    base: Any = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)

    class PlainLoader(base):

        def __init__(self, stream):
            text = stream.read() if hasattr(stream, 'read') else stream
            _check_levels(yaml.parse(text, Loader=base))
            super().__init__(text)

        def construct_document(self, node):
            _unfolded(node, {})
            return super().construct_document(node)

    def construct_tuple(loader: Any, node: Any) -> tuple:
        return tuple(loader.construct_sequence(node))

    PlainLoader.add_constructor(_TUPLE, construct_tuple)
    return PlainLoader


def _check_levels(events: Iterable[Any]) -> None:
    """Raise a ConfigError where lists and mappings are nested too deep."""
    import yaml
    level = 0
    for event in events:
        level += isinstance(event, yaml.CollectionStartEvent)
        level -= isinstance(event, yaml.CollectionEndEvent)
        if level > MOST_LEVELS:
            raise ConfigError(f'line {event.start_mark.line + 1}: nested '
                              f'deeper than {MOST_LEVELS} levels')


def _unfolded(node: Any, known: dict[int, int]) -> int:
    """Number of values below a node, each alias counted where it is used.

    Args:
        node (yaml.Node): Of a document.
        known (dict): The numbers so far; 0 while a node is being counted.

    Raises:
        ConfigError: There are too many, or an alias contains itself.
    """
    if id(node) not in known:
        known[id(node)] = 0
        count = 1
        if not isinstance(node.value, str):
            for child in node.value:
                parts = child if isinstance(child, tuple) else (child, )
                count += sum(_unfolded(part, known) for part in parts)
        known[id(node)] = count
    line = node.start_mark.line + 1
    if not known[id(node)]:
        raise ConfigError(f'line {line}: an alias contains itself')
    if known[id(node)] > _MOST_VALUES:
        raise ConfigError(f'line {line}: its aliases unfold to more than '
                          f'{_MOST_VALUES:,} values')
    return known[id(node)]
