"""Checkpoints of every scheme, read without code.

What breaks: the loaders of ``s3://``, ``petrel://``, ``pavi://`` and of local
files of ``openmmlab://`` call ``torch.load`` without ``weights_only``. Before
PyTorch 2.6, and later where ``TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD`` is set, what
they fetch can run code.
Repair: in this module of mmengine ``torch.load`` reads with
``weights_only=True``, whatever it is asked and whatever is set.
Versions: mmengine <= 0.11.0rc0, which asks for ``weights_only=False``.
Can go: when mmengine reads with ``weights_only=True`` in all of its loaders.
"""
from types import ModuleType
from typing import Any

from .import_hook import after_import
from .stacks import OPENMMLAB

STACKS = (OPENMMLAB, )


def apply() -> None:
    """Repair the loaders of mmengine."""
    after_import('mmengine.runner.checkpoint', _repair)


def _repair(module: ModuleType) -> None:
    module.torch = _WithoutCode('torch')


class _WithoutCode(ModuleType):
    """PyTorch whose ``load`` runs no code."""

    def __getattr__(self, name: str) -> Any:
        import torch
        return getattr(torch, name)

    @staticmethod
    def load(file: Any, map_location: Any = None, **kwargs: Any) -> Any:
        """With ``weights_only=True``; see :func:`torch.load`."""
        import torch
        for name in ('weights_only', 'pickle_module'):
            kwargs.pop(name, None)
        return torch.load(file, map_location, weights_only=True, **kwargs)
