"""Run a repair right after the module it repairs was imported.

The repairs touch modules that are heavy to import (``mmengine.runner``,
``mmrazor.models``). Importing them from ``import mmxkd`` would make every user
pay for them, so a repair waits until somebody else imports its target.
"""
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

Callback = Callable[[ModuleType], None]


class _AfterImport:
    """A meta-path finder that finds nothing itself, but adds a call.

    It asks the finders behind it for the module's own spec, so that the
    module is loaded, cached and reloaded exactly as without it.
    """

    def __init__(self) -> None:
        self.pending: dict[str, list[Callback]] = {}

    def find_spec(self, name, path=None, target=None):
        if name not in self.pending:
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, 'find_spec'):
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                self._call_after(name, spec.loader)
                return spec
        return None

    def _call_after(self, name: str, loader) -> None:
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            for callback in self.pending.pop(name, []):
                callback(module)

        loader.exec_module = exec_module


_finder = _AfterImport()


def after_import(name: str, callback: Callback) -> None:
    """Call ``callback(module)`` once, when module ``name`` is imported.

    It is called at once if the module is there already, and never if nobody
    imports it.

    Args:
        name (str): Full name of the module, e.g. ``'mmengine.runner'``.
        callback (Callable): Gets the executed module. Names that other
            modules import from it afterwards are the replaced ones.
    """
    if name in sys.modules:
        callback(sys.modules[name])
        return
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    _finder.pending.setdefault(name, []).append(callback)


def replace(module: ModuleType, name: str, repaired: Any) -> None:
    """Replace a function of a module, also where it was imported by name.

    ``from mmdet.apis import init_detector`` binds the function itself: what
    was imported before ``mmxkd`` would go on with the one that is not
    repaired, be it a package of upstream or the script of a user, in which
    sorted imports put ``mmdet`` first.

    Args:
        module (ModuleType): Where the function is defined.
        name (str): Its name, there and where it was imported.
        repaired: What takes its place.
    """
    stock = getattr(module, name)
    setattr(module, name, repaired)
    for user in [*sys.modules.values()]:
        # Without getattr, at which a lazy module would import something.
        if getattr(user, '__dict__', {}).get(name) is stock:
            setattr(user, name, repaired)
