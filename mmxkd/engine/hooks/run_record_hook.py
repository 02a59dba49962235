"""Resume only what this config has begun."""
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import EpochBasedTrainLoop

from mmxkd.engine.resume_faults import faults_of_state
from mmxkd.engine.run_record import (
    ALLOWED,
    Difference,
    config_facts,
    differences,
    live_facts,
    table,
)
from mmxkd.errors import CheckpointError, check_known
from mmxkd.registry import HOOKS

#: Where the facts stand in the ``meta`` of a checkpoint.
RECORD = 'made_by'
_MID_EPOCH = 'mid_epoch'
# Of an optimizer: its class is known of a record, its type of a config.
_KIND = ('optimizer.class', 'optimizer.type')


@HOOKS.register_module()
class RunRecordHook(Hook):
    """Note in each checkpoint what made it; compare when a run is resumed.

    mmengine resumes a checkpoint with whatever config it is given. Weights
    that do not fit are left out with a line in the log; another teacher,
    data set or batch size is not noticed; and another learning rate is
    noticed by nobody, since that of the checkpoint is restored. With this
    hook a difference is shown in a table, and the run does not start:

    * never, where the state cannot be right: weights with other names or
      shapes, another optimizer, other parameter groups, weights averaged by
      an ``EMAHook`` that the config does not have;
    * only with ``allow``, where the run would be another one: other weights
      of a teacher, data, losses, batch size, number of processes, options
      of the optimizer, schedules, seed or hooks.

    Versions, the number of workers and ``max_epochs`` are shown and not
    refused. Teachers and annotation files are compared by what they hold,
    so that a run may move with its files.

    Args:
        allow (Sequence[str]): Keys of :data:`mmxkd.engine.run_record.ALLOWED`
            that may differ. ``tools/train.py --allow KEY …`` sets it.

    Raises:
        ConfigError: ``allow`` has an unknown key.
        CheckpointError: The checkpoint is of another run.
    """

    # Before EMAHook, which loads weights from the checkpoint.
    priority = 'VERY_HIGH'

    def __init__(self, allow: Sequence[str] = ()) -> None:
        for key in allow:
            check_known('RunRecordHook.allow', key, ALLOWED)
        self.allow = tuple(allow)
        self._live: dict[str, Any] | None = None
        self._in_epoch = False

    def _facts(self, runner) -> dict[str, Any]:
        """Taken once: teachers and data do not change in a run."""
        if self._live is None:
            self._live = live_facts(runner)
        return self._live

    def before_train(self, runner) -> None:
        self._facts(runner)

    def before_train_epoch(self, runner) -> None:
        self._in_epoch = True

    def after_train_epoch(self, runner) -> None:
        self._in_epoch = False

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        by_epoch = isinstance(runner.train_loop, EpochBasedTrainLoop)
        checkpoint['meta'][RECORD] = {
            **self._facts(runner), _MID_EPOCH: by_epoch and self._in_epoch
        }

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        meta = checkpoint.get('meta')
        # Without these there is nothing to resume: SafeCheckpointHook says so.
        if not runner._resume or not isinstance(
                meta, Mapping) or not {'epoch', 'iter'} <= set(meta):
            return
        record = dict(meta.get(RECORD) or {})
        middle = record.pop(_MID_EPOCH, None)
        now = self._facts(runner) if record else {}
        then = {**config_facts(str(meta.get('cfg', ''))), **record}
        now = {**config_facts(runner.cfg.pretty_text), **now}
        found = differences(then, now)
        if not record:
            runner.logger.warning(
                f'{runner._load_from or "the checkpoint"} does not say which '
                'data and which weights of teachers it was made with: only '
                'the config is compared.')
        if middle is None:
            middle = _in_the_middle(runner, meta)
        if middle:
            found.append(
                Difference('an epoch',
                           f'broken off at iteration {meta["iter"]}',
                           'begins anew', _MID_EPOCH))
        faults = [
            f'Its optimizer is {d.then}, that of this config {d.now}.'
            for d in found
            if d.fact.startswith('optim_wrapper.') and d.fact.endswith(_KIND)
        ]
        self._judge(runner, found,
                    faults + faults_of_state(runner, checkpoint))

    def _judge(self, runner, found: list[Difference],
               faults: list[str]) -> None:
        shown = table(found) if found else ''
        keys = {d.key for d in found if d.key is not None}
        refused = [k for k in ALLOWED if k in keys - set(self.allow)]
        name = runner._load_from or f'the checkpoint of {runner.work_dir}'
        if faults or refused:
            parts = [f'{name} was not made by this config.', *faults]
            if shown:
                parts.append(shown)
            if refused and not faults:
                parts += [
                    'To go on all the same, with tools/train.py: --allow '
                    + ' '.join(refused) + '. Then:'
                ] + [f'  {key}: {ALLOWED[key]}' for key in refused]
            parts.append('To begin a new run from its weights, set load_from '
                         'and do not resume.')
            raise CheckpointError('\n'.join(parts))
        if found:
            then = [f'{key}: {ALLOWED[key]}' for key in ALLOWED if key in keys]
            runner.logger.log(
                logging.WARNING if keys else logging.INFO,
                f'{name} was made otherwise than this run goes on.\n'
                + '\n'.join([shown, *then]))


def _in_the_middle(runner, meta: Mapping) -> bool:
    """Of a checkpoint without a record, by its numbers."""
    if not isinstance(runner.train_loop, EpochBasedTrainLoop):
        return False
    return meta['iter'] != meta['epoch'] * len(runner.train_dataloader)
