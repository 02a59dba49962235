"""No step and no checkpoint of values that are not numbers."""
from collections import Counter, deque
from collections.abc import Sequence
from functools import wraps
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper, OptimWrapperDict
from torch import nn

from mmxkd.compat.non_finite import CONSTANTS, non_finite, shortened
from mmxkd.engine.bare_model import bare_model
from mmxkd.engine.finite import (
    check_checkpoint,
    check_finite,
    check_gradients,
    infinite_buffers,
    sample_id,
)
from mmxkd.engine.optim import AlternatingOptimWrapper
from mmxkd.errors import CheckpointError, NonFiniteLossError
from mmxkd.registry import HOOKS

#: A loss scale is halved at each: from 65,536, sixteen of them are usual.
SKIPPED_STEPS = 50


@HOOKS.register_module()
class FiniteGuardHook(Hook):
    """Stop the run *before* the step that would spoil the weights, and
    before the checkpoint that would replace a good one.

    mmdet's ``CheckInvalidLossHook`` looks every 50 iterations, and after the
    optimizer step: by then every weight is NaN, and so is the next
    checkpoint. This hook checks each term of the loss between forward and
    backward, and the gradients between backward and step, before they are
    clipped: clipping spreads one NaN to all of them. The error names
    the terms, or the parameters, the samples and the iteration; in
    distributed training all processes raise it together, each with its own
    samples. So they do where one of them has a loss that others have not:
    DDP would wait for its gradients.

    A checkpoint is not written when a weight, a statistic of batch norm or
    the state of the optimizer is NaN or infinite, and a file with such values
    is neither loaded nor resumed. Infinite buffers that the model is built
    with, such as the masks of an attention layer, are meant.

    It works with any detector and any optimizer wrapper. With a
    ``GradScaler`` (AMP in fp16) a step with infinite gradients is skipped by
    the scaler, as always, and never reaches the check. After
    :data:`SKIPPED_STEPS` of them in a row, no scale will do: some gradient is
    never finite, and the run ends.
    """

    # After EMAHook, which exchanges the weights of a checkpoint.
    priority = 'LOWEST'

    def __init__(self) -> None:
        self._constants: list[str] | None = None

    def before_run(self, runner) -> None:
        self._infinite_by_design(runner)

    def _infinite_by_design(self, runner) -> list[str]:
        if self._constants is None:
            self._constants = infinite_buffers(bare_model(runner.model))
        return self._constants

    def before_train(self, runner) -> None:
        model, whole = bare_model(runner.model), runner.optim_wrapper
        wrappers: list[Any] = [whole]
        if isinstance(whole, OptimWrapperDict):
            wrappers = list(whole.values())
        # Else DDP looks itself for the parameters without a gradient.
        same_names = not getattr(runner.model, 'find_unused_parameters', True)
        self._scaled = {
            id(wrapper.optimizer): wrapper for wrapper in wrappers
            if hasattr(wrapper, 'loss_scaler')
        }
        self._skipped: Counter[int] = Counter()
        self._stepped: set[int] = set()
        # The gradients of a step are of these batches.
        batches: deque[list[str]] = deque(maxlen=max(w._accumulative_counts
                                                     for w in wrappers))
        self._batches = batches

        def check_losses(module: nn.Module, args: tuple, kwargs: dict,
                         output: Any) -> None:
            if module.training and isinstance(output, dict):
                samples = kwargs.get('data_samples')
                samples = samples if isinstance(samples, list) else []
                batches.append([sample_id(s) for s in samples])
                check_finite(output, samples, runner.iter, same_names)

        def check(optimizers: Sequence[torch.optim.Optimizer]) -> None:
            self._stepped.update(map(id, optimizers))
            names = [name for batch in batches for name in batch]
            check_gradients(_parameters(optimizers), model, names, runner.iter)
            batches.clear()

        self._handles = [
            model.register_forward_hook(check_losses, with_kwargs=True)
        ]
        self._wrapped: list[OptimWrapper] = []
        if isinstance(whole, AlternatingOptimWrapper):
            whole.before_step = check
        else:
            for wrapper in wrappers:
                self._guard(wrapper, check)
        self._whole = whole

    def _guard(self, wrapper: Any, check: Any) -> None:
        if type(wrapper).step is OptimWrapper.step:
            step = wrapper.step

            # With what schedulers have marked it by.
            @wraps(step)
            def checked_step(**kwargs: Any) -> None:
                check([wrapper.optimizer])
                step(**kwargs)

            wrapper.step = checked_step
            self._wrapped.append(wrapper)
        else:
            # Its step begins with a scaler's or an engine's own work.
            self._handles.append(
                wrapper.optimizer.register_step_pre_hook(
                    lambda optimizer, args, kwargs: check([optimizer])))

    def after_train_iter(self, runner, batch_idx: int, data_batch: Any = None,
                         outputs: Any = None) -> None:
        for key, wrapper in self._scaled.items():
            if not wrapper.should_update():
                continue
            self._skipped[key] = 0 if key in self._stepped else (
                self._skipped[key] + 1)
            if self._skipped[key] >= SKIPPED_STEPS:
                # Which ones, a run in float32 tells: they are gone here.
                raise NonFiniteLossError(
                    {
                        f'gradients of {SKIPPED_STEPS} steps in a row': float(
                            'nan'),
                        'loss scale': wrapper.loss_scaler.get_scale()
                    }, [name for batch in self._batches for name in batch],
                    runner.iter)
        self._stepped.clear()

    def after_train(self, runner) -> None:
        for handle in self._handles:
            handle.remove()
        for wrapper in self._wrapped:
            # What the class has is in force again.
            del wrapper.step
        if isinstance(self._whole, AlternatingOptimWrapper):
            self._whole.before_step = None

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        constants = self._infinite_by_design(runner)
        if constants:
            checkpoint['meta'][CONSTANTS] = constants
        found = non_finite(checkpoint)
        if found:
            meta = checkpoint['meta']
            raise CheckpointError(
                f'the checkpoint of epoch {meta["epoch"]}, iteration '
                f'{meta["iter"]} was not written, because it is not finite: '
                f'{shortened(found)}. Those that were written before are '
                'good; --resume goes on from the newest of them.')

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        check_checkpoint(checkpoint, runner._load_from or 'the checkpoint',
                         self._infinite_by_design(runner))


def _parameters(optimizers: Sequence[torch.optim.Optimizer]) -> list:
    return [
        p for optimizer in optimizers
        # A fused optimizer does the scaler's skipping itself.
        if not hasattr(optimizer, 'found_inf')
        for group in optimizer.param_groups for p in group['params']
    ]
