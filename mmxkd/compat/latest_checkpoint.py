"""Resume from the newest checkpoint of this folder that is whole.

What breaks: ``find_latest_checkpoint`` believes the file ``last_checkpoint``.
(a) After a crash that file, or the checkpoint it names, may be missing, empty
or cut off; resuming then fails although an older checkpoint is intact, or,
worse, training starts from scratch in the same folder. (b) It holds an
absolute path: in a work directory that was moved there is nothing at that
path, and in one that was copied it names the checkpoint of the other run.
Repair: ``last_checkpoint`` is a hint, of which only the file name counts.
Every candidate is checked before it is chosen (CRC of each record of the
file, a trial read, finite values); a bad one is reported and the one before
it is taken. What killed writers left is removed.
Versions: mmengine <= 0.11.0rc0. We know of no report.
Can go: when mmengine checks what it resumes from, and looks for it in the
folder that it is given.

This stands here and not in the checkpoint hook because ``load_or_resume``
asks before any hook can answer, and because runs with mmengine's own
``CheckpointHook`` need it just as well.
"""
import functools
import glob
import logging
import os.path as osp
import re
import zipfile
from collections.abc import Mapping
from types import ModuleType

from mmxkd.errors import CheckpointError
from mmxkd.io.atomic import remove_partial

from .import_hook import after_import, replace
from .non_finite import non_finite, shortened
from .stacks import BOTH

STACKS = BOTH


def apply() -> None:
    """Replace ``find_latest_checkpoint`` wherever mmengine uses it."""
    after_import('mmengine.runner.checkpoint', _repair)


def _repair(module: ModuleType) -> None:
    stock = module.find_latest_checkpoint
    replace(module, 'find_latest_checkpoint',
            functools.wraps(stock)(find_latest_checkpoint))


def find_latest_checkpoint(path: str,
                           out_dir: str | None = None) -> str | None:
    """The newest intact checkpoint of the run in folder ``path``.

    Args:
        path (str): The work directory.
        out_dir (str, optional): ``out_dir`` of the checkpoint hook, where
            that is set: the checkpoints are in its folder of the name of
            the work directory.

    Returns:
        str or None: Its path, in that folder and in no other; None when the
        run has not saved one yet.

    Raises:
        CheckpointError: There are checkpoints and all are damaged; names
            each with its fault. Or there are none, and ``last_checkpoint``
            names one elsewhere.
    """
    from mmengine.dist import is_main_process
    from mmengine.logging import print_log
    folder = path if out_dir is None else osp.join(
        out_dir, osp.basename(osp.abspath(path)))
    hint = _hint(path)
    if '://' in folder:
        # Such folders cannot be listed.
        return hint if hint and osp.dirname(hint) == folder else None
    if is_main_process():
        for left in {*remove_partial(path), *remove_partial(folder)}:
            print_log(f'Removed {left}, which a killed run left half written.',
                      logger='current')
    found = _candidates(folder, hint)
    _explain_hint(path, folder, hint, found)
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
    print_log(f'No checkpoint to resume from in {folder}.', logger='current')
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
    try:
        if not zipfile.is_zipfile(path):
            return 'cut off, or not a checkpoint'
        checkpoint = read_checkpoint(path, map_location='cpu')
        return _fault_of(checkpoint)
    except Exception as error:
        # Of any kind: what a reader raises depends on which bit has flipped.
        # Nothing is hidden, since the fault is reported.
        return (str(error) or type(error).__name__).removeprefix(f'{path}: ')


def _fault_of(checkpoint: object) -> str | None:
    if not isinstance(checkpoint, Mapping) or not all(
            isinstance(checkpoint.get(key), Mapping)
            for key in ('meta', 'message_hub')):
        return 'holds weights but no training state'
    found = non_finite(checkpoint)
    return f'not finite: {shortened(found)}' if found else None


def _hint(folder: str) -> str:
    """What ``last_checkpoint`` holds; empty where it says nothing."""
    pointer = osp.join(folder, 'last_checkpoint')
    if not osp.isfile(pointer):
        return ''
    with open(pointer, 'rb') as file:
        return file.read().decode(errors='replace').replace('\0', '').strip()


def _candidates(folder: str, hint: str) -> list[str]:
    """Files to try: the hint's, then those before it, then those after it.

    Higher numbers than the hint's are of a run that was since resumed from
    an older checkpoint.
    """
    steps = {}
    for path in glob.glob(osp.join(glob.escape(folder), '*.pth')):
        step = _step(path)
        if step is not None:
            steps[path] = step
    name = osp.basename(hint)
    first = osp.join(folder, name)
    if not name or not (osp.lexists(first) or _is_inside(hint, folder)):
        return sorted(steps, key=steps.__getitem__, reverse=True)
    limit = _step(first)

    def rank(path: str) -> tuple[bool, int]:
        return limit is None or steps[path] <= limit, steps[path]

    newest_first = sorted(steps, key=rank, reverse=True)
    return [first] + [path for path in newest_first if path != first]


def _step(path: str) -> int | None:
    """Epoch or iteration in the name of a checkpoint; None for a best one."""
    step = re.fullmatch(r'(?!best_)\D*?(\d+)\.pth', osp.basename(path))
    return int(step.group(1)) if step else None


def _is_inside(hint: str, folder: str) -> bool:
    return osp.realpath(osp.dirname(hint)) == osp.realpath(folder)


def _explain_hint(path: str, folder: str, hint: str, found: list[str]) -> None:
    """Say what is made of a hint that leads out of the folder.

    Raises:
        CheckpointError: There is nothing else to go by.
    """
    if not hint or _is_inside(hint, folder):
        return
    from mmengine.logging import print_log
    pointer = osp.join(path, 'last_checkpoint')
    if not found:
        raise CheckpointError(
            f'{pointer} names {hint}, but there is no checkpoint in {folder}, '
            'and no other folder is searched. To resume from that file, name '
            'it: tools/train.py CONFIG --resume FILE')
    print_log(
        f'{pointer} names {hint}, outside of {folder}, which was moved or '
        'copied. Only the checkpoints in this folder are used.',
        logger='current', level=logging.WARNING)
