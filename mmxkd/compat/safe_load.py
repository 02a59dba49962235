"""OneDL's reader of checkpoints, without its way around ``weights_only``.

What breaks: all loaders of OneDL's mmengine call ``_safe_torch_load``. It
allow-lists ``builtins.getattr`` for all files, and reads what is refused a
second time with ``weights_only=False``: any checkpoint can run code.
Repair: the function reads once, with ``weights_only=True``, and allow-lists
nothing. Files of stock runs are read through :mod:`mmxkd.compat.stand_ins`.
Versions: onedl-mmengine 0.10.12; OpenMMLab's releases do not have
the function. We know of no report.
Can go: when ``_safe_torch_load`` has no second try and no ``getattr``.
"""
from types import ModuleType
from typing import Any

from .import_hook import after_import
from .stacks import ONEDL

STACKS = (ONEDL, )


def apply() -> None:
    """Repair the reader of mmengine."""
    after_import('mmengine.runner.checkpoint', _repair)


def _repair(module: ModuleType) -> None:
    # All repairs are applied where the stack is not known.
    if hasattr(module, '_safe_torch_load'):
        module._safe_torch_load = _load
        module.get_torch_safe_globals = list


def _load(file: Any, map_location: Any = None,
          weights_only: Any = None) -> Any:
    """With ``weights_only=True``, whatever it is asked."""
    import torch
    return torch.load(file, map_location=map_location, weights_only=True)
