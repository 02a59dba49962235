"""Resume from the newest checkpoint that is whole.

What breaks: ``find_latest_checkpoint`` believes the file ``last_checkpoint``.
After a crash that file, or the checkpoint it names, may be missing, empty or
cut off; resuming then fails although an older checkpoint is intact, or, worse,
training starts from scratch in the same folder.
Repair: every candidate is checked before it is chosen (CRC of each record of
the file, then a trial read); a damaged one is reported and the next older one
is taken. What killed writers left is removed.
Versions: mmengine <= 0.11.0rc0. We know of no report.
Can go: when mmengine checks what it resumes from.

This stands here and not in the checkpoint hook because ``load_or_resume``
asks before any hook can answer, and because runs with mmengine's own
``CheckpointHook`` need it just as well.
"""
import functools
import glob
import logging
import os.path as osp
import re
import struct
import zipfile
from collections.abc import Callable
from types import ModuleType

from mmxkd.errors import CheckpointError
from mmxkd.io.atomic import remove_partial

from .import_hook import after_import

# What zipfile and read_checkpoint raise for broken files (a CheckpointError
# is a ValueError).
_UNREADABLE = (ValueError, OSError, EOFError, RuntimeError, struct.error,
               zipfile.BadZipFile)


def apply() -> None:
    """Replace ``find_latest_checkpoint`` wherever mmengine uses it."""
    after_import('mmengine.runner.checkpoint', _repair)


def _repair(module: ModuleType) -> None:
    stock = module.find_latest_checkpoint
    repaired = functools.wraps(stock)(find_latest_checkpoint)
    for name in ('mmengine.runner.checkpoint', 'mmengine.runner',
                 'mmengine.runner.runner', 'mmengine.runner._flexible_runner'):
        after_import(
            name, functools.partial(_rebind, stock=stock, repaired=repaired))


def _rebind(module: ModuleType, stock: Callable, repaired: Callable) -> None:
    if getattr(module, 'find_latest_checkpoint', None) is stock:
        module.find_latest_checkpoint = repaired


def find_latest_checkpoint(path: str) -> str | None:
    """The newest intact checkpoint of the run in folder ``path``.

    Args:
        path (str): The work directory.

    Returns:
        str or None: Its path; None when the run has not saved one yet.

    Raises:
        CheckpointError: If there are checkpoints and all are damaged. Names
            each with its fault.
    """
    from mmengine.dist import is_main_process
    from mmengine.logging import print_log
    found = _candidates(path)
    if is_main_process():
        for folder in {path, *map(osp.dirname, found)}:
            for left in remove_partial(folder):
                print_log(
                    f'Removed {left}, which a killed run left half '
                    'written.', logger='current')
    faults = []
    for candidate in found:
        fault = damage(candidate)
        if fault is None:
            return candidate
        faults.append(f'{candidate}: {fault}')
        print_log(
            f'{candidate} is not used to resume: {fault}. Trying the '
            'checkpoint before it.', logger='current', level=logging.WARNING)
    if faults:
        raise CheckpointError('no intact checkpoint to resume from:\n  '
                              + '\n  '.join(faults))
    print_log(f'No checkpoint to resume from in {path}.', logger='current')
    return None


def damage(path: str) -> str | None:
    """What is wrong with a checkpoint file, or None when it is whole.

    Args:
        path (str): A file of ``torch.save``.

    Returns:
        str or None: The fault in a few words.
    """
    from .checkpoint_io import read_checkpoint
    if not osp.isfile(path):
        return 'missing'
    if not zipfile.is_zipfile(path):
        return 'cut off, or not a checkpoint'
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
        if bad is not None:
            return f'record {bad} does not match its check sum'
        checkpoint = read_checkpoint(path, map_location='cpu')
    except _UNREADABLE as error:
        return str(error)
    if 'meta' not in checkpoint or 'message_hub' not in checkpoint:
        return 'holds weights but no training state'
    return None


def _candidates(folder: str) -> list[str]:
    """Files to try: what ``last_checkpoint`` names, then newest first."""
    named: list[str] = []
    pointer = osp.join(folder, 'last_checkpoint')
    if osp.isfile(pointer):
        with open(pointer) as file:
            named = [line for line in [file.read().strip()] if line]
    if any('://' in name for name in named):
        return named
    where = osp.dirname(named[0]) if named else folder
    numbered = {}
    for path in glob.glob(osp.join(glob.escape(where), '*.pth')):
        step = re.fullmatch(r'(?!best_)\D*?(\d+)\.pth', osp.basename(path))
        if step:
            numbered[path] = int(step.group(1))
    newest_first = sorted(numbered, key=numbered.__getitem__, reverse=True)
    return named + [path for path in newest_first if path not in named]
