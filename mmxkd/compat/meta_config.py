"""Refuse the key of a checkpoint that ``Runner.resume`` runs as code.

What breaks: ``Runner.resume`` and ``FlexibleRunner.resume`` give
``checkpoint['meta']['config']`` to ``Config.fromstring(..., '.py')``, which
executes it. The key is a plain string, so that ``weights_only=True`` lets it
pass. mmengine itself writes ``cfg`` and never ``config``; the key is a
leftover of mmcv 1.
Repair: resuming from a file with that key is an error. Merely loading its
weights works; the key is dropped with a log line.
Versions: mmengine <= 0.11.0rc0. We know of no report.
Can go: when ``Runner.resume`` no longer executes the key.
"""
import contextvars
import functools
import logging
from types import ModuleType

from mmxkd.errors import CheckpointError

from .import_hook import after_import
from .stacks import BOTH

STACKS = BOTH

_resuming = contextvars.ContextVar('_resuming', default=False)


def apply() -> None:
    """Check every loaded checkpoint for the key."""
    after_import('mmengine.runner.checkpoint', _repair_loader)
    after_import('mmengine.runner.runner',
                 functools.partial(_repair_resume, name='Runner'))
    after_import('mmengine.runner._flexible_runner',
                 functools.partial(_repair_resume, name='FlexibleRunner'))


def _repair_loader(module: ModuleType) -> None:
    loader = module.CheckpointLoader
    stock_load = loader.load_checkpoint.__func__

    @functools.wraps(stock_load)
    def load_checkpoint(cls, filename, *args, **kwargs):
        checkpoint = stock_load(cls, filename, *args, **kwargs)
        meta = checkpoint.get('meta') if isinstance(checkpoint, dict) else {}
        if isinstance(meta, dict) and 'config' in meta:
            if _resuming.get():
                raise CheckpointError(
                    f"{filename}: refused to resume: it holds the key "
                    "meta['config'], which mmengine would run as Python "
                    'code, and which mmengine never writes. To use its '
                    'weights alone, set load_from and do not resume.')
            del meta['config']
            module.print_log(
                f"{filename}: dropped the key meta['config'], which mmengine "
                'would run as Python code on resume.', logger='current',
                level=logging.WARNING)
        return checkpoint

    loader.load_checkpoint = classmethod(load_checkpoint)


def _repair_resume(module: ModuleType, name: str) -> None:
    runner = getattr(module, name)
    stock_resume = runner.resume

    @functools.wraps(stock_resume)
    def resume(self, *args, **kwargs):
        token = _resuming.set(True)
        try:
            return stock_resume(self, *args, **kwargs)
        finally:
            _resuming.reset(token)

    runner.resume = resume
