"""Keep a resumed run to its own folder.

What breaks: mmengine stores the absolute paths of the last and of the best
checkpoint in every checkpoint. A run that is resumed in a copy of its work
directory takes them over: with its next best score ``CheckpointHook`` deletes
the best checkpoint of the *other* run. In a work directory that was moved, the
old best checkpoint is never deleted.
Repair: of these paths only the file name counts; the folder is the one that
the run saves to.
Versions: mmengine <= 0.11.0rc0. We know of no report.
Can go: when mmengine stores file names.
"""
import functools
import os.path as osp
from types import ModuleType
from typing import Any

from .import_hook import after_import
from .stacks import BOTH

STACKS = BOTH

# With several metrics: ``best_ckpt_<metric>``.
_KEYS = ('last_ckpt', 'best_ckpt', 'superseded_best')


def apply() -> None:
    """Correct the paths before ``CheckpointHook`` reads them."""
    after_import('mmengine.hooks.checkpoint_hook', _repair)


def _repair(module: ModuleType) -> None:
    hook = module.CheckpointHook
    stock = hook.before_train

    @functools.wraps(stock)
    def before_train(self, runner) -> None:
        _to_own_folder(runner.message_hub, _folder_of(self, runner))
        stock(self, runner)

    hook.before_train = before_train


def _folder_of(hook: Any, runner: Any) -> str:
    """Where the hook is going to save, as the stock hook decides it."""
    work_dir = runner.work_dir
    if hook.out_dir in (None, work_dir):
        return work_dir
    return osp.join(hook.out_dir, osp.basename(work_dir.rstrip(osp.sep)))


def _to_own_folder(message_hub: Any, folder: str) -> None:
    for key, path in list(message_hub.runtime_info.items()):
        ours = key in _KEYS or key.startswith('best_ckpt_')
        if ours and isinstance(path, str) and path:
            message_hub.update_info(key, osp.join(folder, osp.basename(path)))
