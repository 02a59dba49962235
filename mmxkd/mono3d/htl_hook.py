"""Weights of losses by how their parents are getting on."""
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook

from mmxkd.engine.bare_model import bare_model
from mmxkd.errors import CheckpointError, ConfigError, check_keys
from mmxkd.registry import HOOKS

from .task_weights import PARENTS, HierarchicalTaskWeights

#: Its place in a checkpoint.
STATE = 'hierarchical_task_learning'


@HOOKS.register_module()
class HTLHook(Hook):
    """Hierarchical task learning of GUPNet: see
    :class:`.HierarchicalTaskWeights`.

    Sets ``bbox_head.task_weights`` before each epoch, by the mean losses of
    the epochs before, over all iterations and processes. Its state is in
    every checkpoint that a run can be resumed from.

    Args:
        **options: Of :class:`.HierarchicalTaskWeights`.

    Raises:
        ConfigError: The model has no head with task weights.
        CheckpointError: A run is resumed from a file without its state.
    """

    def __init__(self, **options: Any) -> None:
        check_keys('HTLHook', options, ('total_epochs', 'clamp', 'skip_first'))
        self.tasks = HierarchicalTaskWeights(**options)
        self._sums = dict.fromkeys(PARENTS, 0.0)
        self._count = 0
        self._weights: dict[str, float] | None = None

    def before_train(self, runner) -> None:
        _head(runner)
        if runner.epoch and self._weights is None:
            raise CheckpointError(
                f'HTLHook: the run goes on from epoch {runner.epoch}, and the '
                f'checkpoint has no {STATE!r}: it was not written by a run '
                'with this hook')

    def before_train_epoch(self, runner) -> None:
        self._weights = self.tasks.weights(runner.epoch)
        _head(runner).task_weights = dict(self._weights)
        self._sums, self._count = dict.fromkeys(PARENTS, 0.0), 0
        runner.logger.info('Weights of tasks: ' + ', '.join(
            f'{task} {weight:.4f}' for task, weight in self._weights.items()))

    def after_train_iter(self, runner, batch_idx: int, data_batch=None,
                         outputs: Mapping[str, Any] | None = None) -> None:
        for task in PARENTS:
            self._sums[task] += float((outputs or {})[f'raw_{task}'])
        self._count += 1

    def after_train_epoch(self, runner) -> None:
        totals = torch.tensor([*self._sums.values(), self._count],
                              dtype=torch.float64, device=_device(runner))
        # All processes see the same numbers, and so weigh alike.
        all_reduce(totals)
        means = (totals[:-1] / totals[-1]).tolist()
        self.tasks.append(runner.epoch, dict(zip(PARENTS, means, strict=True)))

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        if 'optimizer' in checkpoint:
            checkpoint[STATE] = dict(self.tasks.state(),
                                     weights=dict(self._weights or {}))

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        state = checkpoint.pop(STATE, None)
        if state is not None and runner._resume:
            self.tasks.load(state)
            self._weights = dict(state['weights'])


def _head(runner) -> Any:
    model = bare_model(runner.model)
    head = getattr(model, 'bbox_head', None)
    if not hasattr(head, 'task_weights'):
        raise ConfigError(
            f'HTLHook: bbox_head of {type(model).__name__} has no '
            'task_weights; it is for mmxkd.MonoRoIHead')
    return head


def _device(runner) -> torch.device:
    return next(runner.model.parameters()).device
