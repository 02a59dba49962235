"""Checkpoints that survive a crash at any moment."""
import os.path as osp
from typing import Any

from mmengine.dist import broadcast, is_distributed, is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import IterBasedTrainLoop

from mmxkd.errors import CheckpointError
from mmxkd.io.atomic import write_atomic
from mmxkd.registry import HOOKS


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """mmengine's ``CheckpointHook`` that deletes only after it has saved.

    The stock hook deletes the oldest checkpoint, and the previous best one,
    *before* it writes the new one: with ``max_keep_ckpts=1`` a run that is
    killed then has nothing to resume from. Here the order is: write the new
    file whole, point ``last_checkpoint`` to it, delete what it replaces. What
    a kill in between leaves over is deleted when the run is resumed.

    A resumed run first repeats the validation that was due at the epoch (or
    iteration) it resumes from. The checkpoint was written before that
    validation, so that the best checkpoint, early stopping and all that
    listens to metrics go on as if nothing had happened.

    In distributed training all processes take over the buffers of the one
    that saves (statistics of batch norm, also of an EMA), before they validate
    and save: what is validated is what is saved, and what a resumed run goes
    on from.

    All arguments are those of ``mmengine.hooks.CheckpointHook``.
    """

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        if runner._resume and not {'meta', 'message_hub'} <= set(checkpoint):
            raise CheckpointError(
                f'{runner._load_from} holds weights but no training state: a '
                'run cannot be resumed from it. To start from its weights, '
                'set load_from and do not resume.')

    def before_train(self, runner) -> None:
        super().before_train(runner)
        if not _done(runner.train_loop):
            return
        self.last_ckpt = runner.message_hub.get_info('last_ckpt')
        superseded = runner.message_hub.get_info('superseded_best')
        if superseded:
            self._remove([superseded])
        if _validation_due(runner):
            runner.logger.info(
                'The validation of the checkpoint is repeated, so that all '
                'that depends on its metrics goes on from there.')
            runner.val_loop.run()

    def before_val_epoch(self, runner) -> None:
        """Also where nothing is saved in this epoch."""
        _share_buffers(runner)

    def _save_checkpoint(self, runner) -> None:
        _share_buffers(runner)
        super()._save_checkpoint(runner)

    def _save_checkpoint_with_step(self, runner, step: int,
                                   meta: dict) -> None:
        # The stock method with its deletion moved to the end. The expired
        # step is still listed in the file that replaces it: a run killed
        # before the deletion deletes it when it is resumed.
        expired = []
        if self.max_keep_ckpts > 0:
            ids = [i for i in self.keep_ckpt_ids if i != step] + [step]
            runner.message_hub.update_info('keep_ckpt_ids', ids)
            expired = ids[:-self.max_keep_ckpts]
            self.keep_ckpt_ids.extend(i for i in [step]
                                      if i not in self.keep_ckpt_ids)
        name = self.filename_tmpl.format(step)
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        runner.save_checkpoint(self.out_dir, name, self.file_client_args,
                               save_optimizer=self.save_optimizer,
                               save_param_scheduler=self.save_param_scheduler,
                               meta=meta, by_epoch=self.by_epoch,
                               backend_args=self.backend_args, **self.args)
        if is_main_process():
            write_atomic(osp.join(runner.work_dir, 'last_checkpoint'),
                         lambda file: file.write(self.last_ckpt.encode()))
        self._remove(
            self.file_backend.join_path(self.out_dir,
                                        self.filename_tmpl.format(i))
            for i in expired)

    def _save_best_checkpoint(self, runner, metrics: dict) -> None:
        backend = self.file_backend  # type: ignore[has-type]
        deferred = _DeferredRemoval(backend, runner.message_hub)
        self.file_backend = deferred
        try:
            super()._save_best_checkpoint(runner, metrics)
        finally:
            self.file_backend = backend
        self._remove(deferred.removed)

    def _publish_model(self, runner, ckpt_path: str) -> None:
        # A run that has gone on from another folder may have saved no best
        # one of its own.
        if ckpt_path and self.file_backend.exists(ckpt_path):
            super()._publish_model(runner, ckpt_path)
        else:
            runner.logger.warning(
                f'{ckpt_path} is not there and was not published.')

    def _remove(self, paths) -> None:
        if not is_main_process():
            return
        best = getattr(self, 'best_ckpt_path_dict', {}).values()
        in_use = {self.last_ckpt, getattr(self, 'best_ckpt_path', None), *best}
        for path in paths:
            if path in in_use:
                continue
            if self.file_backend.isfile(path):
                self.file_backend.remove(path)
            elif self.file_backend.isdir(path):
                # Checkpoints of deepspeed are folders.
                self.file_backend.rmtree(path)


class _DeferredRemoval:
    """A file backend that only notes what it should remove."""

    def __init__(self, backend: Any, message_hub: Any) -> None:
        self._backend = backend
        self._message_hub = message_hub
        self.removed: list[str] = []

    def remove(self, path: str) -> None:
        self.removed.append(path)
        self._message_hub.update_info('superseded_best', path)

    rmtree = remove

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)


def _by_iter(loop: Any) -> bool:
    return isinstance(loop, IterBasedTrainLoop)


def _share_buffers(runner) -> None:
    if not is_distributed():
        return
    averaged = (getattr(hook, 'ema_model', None) for hook in runner.hooks)
    for model in (runner.model, *averaged):
        for buffer in model.buffers() if model is not None else ():
            broadcast(buffer)


def _done(loop: Any) -> int:
    """Epochs, or iterations of an iteration-based loop, that are done."""
    return loop.iter if _by_iter(loop) else loop.epoch


def _validation_due(runner) -> bool:
    """Whether the loop would validate after the step it stands at."""
    loop, done = runner.train_loop, _done(runner.train_loop)
    loop._decide_current_val_interval()
    total = loop.max_iters if _by_iter(loop) else loop.max_epochs
    return (runner.val_loop is not None and done >= loop.val_begin
            and (done % loop.val_interval == 0 or done == total))
