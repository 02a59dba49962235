"""Kill this process with SIGKILL at one chosen moment of a training run.

A config imports this module (``custom_imports``); the environment variable
``KILL_AT`` chooses the moment. Without it nothing happens.

=========================  ==================================================
``iter:N``                 before the N-th training iteration
``step:N``                 after the N-th backward, before the optimizer step
``val:N``                  in the validation of epoch N
``write:NAME``             with half of the bytes of file NAME written
``rename:NAME``            all bytes written, before NAME gets its name
``renamed:NAME``           right after that
``remove:NAME``            before file NAME is deleted
=========================  ==================================================
"""
import io
import os
import os.path as osp
import re
import signal

import torch
from mmengine.hooks import Hook
from mmengine.registry import HOOKS
from torch.optim.optimizer import register_optimizer_step_pre_hook

MOMENT, _, TARGET = os.environ.get('KILL_AT', '').partition(':')


def die(moment: str, target: object) -> None:
    """Kill the process if this is the chosen moment."""
    if (moment, str(target)) == (MOMENT, TARGET):
        os.kill(os.getpid(), signal.SIGKILL)


@HOOKS.register_module()
class KillAtHook(Hook):
    """Reports the moments of the training loop."""

    priority = 'VERY_LOW'

    def before_train(self, runner) -> None:
        register_optimizer_step_pre_hook(
            lambda *args: die('step', runner.iter + 1))

    def before_train_iter(self, runner, **kwargs) -> None:
        die('iter', runner.iter + 1)

    def after_val_iter(self, runner, **kwargs) -> None:
        die('val', runner.epoch)


def _watch_files() -> None:
    save, replace, remove = torch.save, os.replace, os.remove

    def dying_save(content, file, *args, **kwargs):
        name = osp.basename(str(getattr(file, 'name', file)))
        partial = re.fullmatch(re.escape(TARGET) + r'\.\d+\.partial', name)
        if MOMENT == 'write' and partial:
            buffer = io.BytesIO()
            save(content, buffer)
            data = buffer.getvalue()
            file.write(data[:len(data) // 2])
            file.flush()
            die('write', TARGET)
        save(content, file, *args, **kwargs)

    def dying_replace(source, target):
        die('rename', osp.basename(target))
        replace(source, target)
        die('renamed', osp.basename(target))

    def dying_remove(path):
        die('remove', osp.basename(path))
        remove(path)

    torch.save, os.replace, os.remove = (dying_save, dying_replace,
                                         dying_remove)


if MOMENT:
    _watch_files()
