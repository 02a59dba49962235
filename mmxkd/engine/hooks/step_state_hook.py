"""What a run carries from one iteration to the next, beside the weights."""
import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmengine.dist import (
    all_gather_object,
    all_reduce,
    get_rank,
    get_world_size,
    is_distributed,
)
from mmengine.hooks import CheckpointHook, Hook
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import IterBasedTrainLoop
from torch import nn

from mmxkd.engine.bare_model import bare_model
from mmxkd.registry import HOOKS

#: Its place in a checkpoint.
STATE = 'between_steps'


@HOOKS.register_module()
class StepStateHook(Hook):
    """Save gradients that wait for a step, and where the generators stand.

    With ``accumulative_counts`` that do not divide an epoch, gradients are
    waiting when the checkpoint is written. mmengine loses them, so that the
    first step of a resumed run is another one. They are saved here, and with
    several processes averaged over them first: that is what the step does
    with them in any case.

    An ``IterBasedTrainLoop`` can stop in the middle of the data. When it is
    resumed, mmengine passes over the samples that were seen; this hook then
    sets the generators of each process to where they stood. Validation does
    not move them. It needs ``randomness=dict(seed=…)``, and a sampler
    without an end (``InfiniteSampler``) or ``num_workers=0``.
    """

    # Before CheckpointHook (VERY_LOW), after everything that trains.
    priority = 'LOW'

    def __init__(self) -> None:
        self._generators: list[dict] = []
        self._resumed: Mapping[str, Any] | None = None
        self._before_val: dict | None = None

    def before_train_iter(self, runner, batch_idx: int,
                          data_batch=None) -> None:
        self._generators = []

    def after_train_epoch(self, runner) -> None:
        self._prepare(runner)

    def after_train_iter(self, runner, batch_idx: int, data_batch=None,
                         outputs=None) -> None:
        if any(_saves_now(hook, runner) for hook in runner.hooks):
            self._prepare(runner)

    def _prepare(self, runner) -> None:
        """Ask the other processes: only the main one saves."""
        _average_waiting(runner)
        if _by_iter(runner):
            self._generators = all_gather_object(generators())

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        if 'optimizer' not in checkpoint:
            # A best one: weights only, nothing goes on from it.
            return
        state: dict[str, Any] = {}
        gradients = {
            name: parameter.grad.cpu()
            for name, parameter in _parameters(runner)
            if parameter.grad is not None
        }
        if gradients and _waiting(runner):
            state['gradients'] = gradients
            # Whether an alternating optimizer owes the discriminators a step.
            state['trained'] = getattr(runner.optim_wrapper, '_trained', False)
        if _by_iter(runner):
            state['generators'] = self._generators or [generators()]
        if state:
            checkpoint[STATE] = state

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        state = checkpoint.pop(STATE, None)
        self._resumed = (state or {}) if runner._resume else None

    def before_train(self, runner) -> None:
        if self._resumed is None:
            return
        gradients = self._resumed.get('gradients')
        if gradients is None:
            if _waiting(runner):
                runner.logger.warning(
                    'The gradients that waited for a step are not in the '
                    'checkpoint: the first step is made of fewer samples, '
                    'and is not that of the uninterrupted run.')
            return
        for name, parameter in _parameters(runner):
            if name in gradients:
                parameter.grad = gradients[name].to(parameter)
        if self._resumed['trained']:
            runner.optim_wrapper._trained = True
        runner.logger.info(
            f'{len(gradients)} gradients that waited for a step are back.')

    def before_train_epoch(self, runner) -> None:
        if self._resumed is None or not _by_iter(runner):
            return
        saved = self._resumed.get('generators')
        if not saved or len(saved) != get_world_size():
            runner.logger.warning(
                'The checkpoint does not hold where the random generators of '
                f'{get_world_size()} processes stood: the samples go on in '
                'their order, but are augmented otherwise than in the '
                'uninterrupted run.')
            return
        loop = runner.train_loop
        for _ in range(loop.iter):
            next(loop.dataloader_iterator)
        loop.dataloader_iterator = _Advanced(loop.dataloader_iterator,
                                             loop.iter)
        set_generators(saved[get_rank()])

    def before_val(self, runner) -> None:
        if _by_iter(runner):
            self._before_val = generators()

    def after_val(self, runner) -> None:
        if self._before_val is not None:
            set_generators(self._before_val)
            self._before_val = None


class _Advanced:
    """An iterator that has passed over its first items already.

    The loop passes over them itself, and takes nothing of them.
    """

    def __init__(self, iterator: Any, ahead: int) -> None:
        self._iterator, self._ahead = iterator, ahead

    def __iter__(self) -> '_Advanced':
        return self

    def __next__(self) -> Any:
        if self._ahead:
            self._ahead -= 1
            return None
        return next(self._iterator)

    def skip_iter(self, num_iters: int) -> None:
        """Pass over ``num_iters`` items at once, as OneDL's loop asks."""
        for _ in range(num_iters):
            next(self)


def generators() -> dict[str, Any]:
    """Where the generators of this process stand, in plain types."""
    kind, key, *rest = np.random.get_state()
    state = dict(python=random.getstate(),
                 numpy=(kind, np.asarray(key).tolist(), *rest),
                 torch=torch.get_rng_state())
    if torch.cuda.is_initialized():
        # Of the one GPU of this process: of others, a resumed run may see
        # fewer.
        state['cuda'] = torch.cuda.get_rng_state()
    return state


def set_generators(state: Mapping[str, Any]) -> None:
    """Undo :func:`generators`.

    Examples:
        >>> before = generators()
        >>> draw = random.random(), float(torch.rand(()))
        >>> set_generators(before)
        >>> draw == (random.random(), float(torch.rand(())))
        True
    """
    version, internal, gauss = state['python']
    random.setstate((version, tuple(internal), gauss))
    np.random.set_state(tuple(state['numpy']))
    # Loading a checkpoint may have moved them to a GPU.
    torch.set_rng_state(state['torch'].cpu())
    if 'cuda' in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state['cuda'].cpu())


def _by_iter(runner) -> bool:
    return isinstance(runner.train_loop, IterBasedTrainLoop)


def _saves_now(hook: Hook, runner) -> bool:
    return (isinstance(hook, CheckpointHook) and not hook.by_epoch and
            (hook.every_n_train_iters(runner, hook.interval, hook.save_begin)
             or (hook.save_last and hook.is_last_train_iter(runner))))


def _waiting(runner) -> bool:
    """Whether the last backward pass was not followed by a step."""
    whole = runner.optim_wrapper
    wrappers = (whole.values() if isinstance(whole, OptimWrapperDict) else
                [whole])
    return not all(wrapper.should_update() for wrapper in wrappers
                   if isinstance(wrapper, OptimWrapper))


def _parameters(runner) -> list[tuple[str, nn.Parameter]]:
    return list(bare_model(runner.model).named_parameters())


def _average_waiting(runner) -> None:
    """Give all processes the mean of the gradients that wait."""
    if not is_distributed() or not _waiting(runner):
        return
    parameters = [p for _, p in _parameters(runner)]
    there = torch.tensor([float(p.grad is not None) for p in parameters])
    all_reduce(there, op='max')
    for parameter, present in zip(parameters, there.tolist(), strict=True):
        if present:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            all_reduce(parameter.grad, op='mean')
