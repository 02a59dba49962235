"""Let ``import mmrazor.models`` work on PyTorch 2.

What breaks: ``mmrazor.structures.quantization`` uses names of
``torch.ao.quantization`` that PyTorch 2.0 renamed or removed, and dies while
it is imported (with the message that torch>=1.13 is not installed). All other
packages of mmrazor import it, so that no loss, connector or recorder can be
reached. Besides, two modules set the recursion limit to 2**20, which turns a
RecursionError anywhere in the process into a segmentation fault.
Repair: a stand-in for that one package, whose names say so when used; the
recursion limit is put back.
Versions: mmrazor 1.0.0 with torch >= 2.0.
Reported: open-mmlab/mmrazor#615, #632, #652.
Can go: with a release of mmrazor that imports on PyTorch 2.
"""
import sys
from types import ModuleType
from typing import Any, NoReturn

from .import_hook import after_import
from .stacks import OPENMMLAB

STACKS = (OPENMMLAB, )

_BROKEN = 'mmrazor.structures.quantization'
_RAISE_RECURSION_LIMIT = (
    'mmrazor.models.task_modules.tracer.fx_tracer',
    'mmrazor.structures.graph.channel_flow',
)


def apply() -> None:
    """Wait for ``import mmrazor``; nothing happens where it is not."""
    after_import('mmrazor', _repair)


def _repair(module: ModuleType) -> None:
    import torch
    from mmengine.utils import digit_version
    if digit_version(torch.__version__) >= digit_version('2.0.0'):
        sys.modules.setdefault(_BROKEN, _StandIn(_BROKEN))
    limit = sys.getrecursionlimit()
    for name in _RAISE_RECURSION_LIMIT:
        after_import(name, lambda _: sys.setrecursionlimit(limit))


class _StandIn(ModuleType):
    """Gives every name that is imported from it, and none to ``import *``."""
    __all__: list = []
    __path__: list = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith('__'):
            raise AttributeError(name)
        return _Unavailable(name)


class _Unavailable:
    """A name of the stand-in. Using it is an error that says why."""

    def __init__(self, name: str) -> None:
        self.__name = name

    def __fail(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise ImportError(
            f'{_BROKEN}.{self.__name} does not work on PyTorch 2: mmrazor '
            'needs torch 1.13 for quantization. Its distillation parts are '
            'not affected.')

    __call__ = __getitem__ = __getattr__ = __fail
