"""No optimizer step from a loss or a gradient that is not a number."""
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.optim import OptimWrapperDict
from torch import nn

from mmxkd.engine.finite import check_finite
from mmxkd.errors import NonFiniteLossError
from mmxkd.registry import HOOKS


@HOOKS.register_module()
class FiniteGuardHook(Hook):
    """Stop the run *before* the step that would spoil the weights.

    mmdet's ``CheckInvalidLossHook`` looks every 50 iterations, and after the
    optimizer step: by then every weight is NaN, and so is the next
    checkpoint. This hook checks each term of the loss between forward and
    backward, and the gradients between backward and step. The error names
    the terms, the samples and the iteration, or the parameters; in
    distributed training all processes raise it together.

    It works with any detector and any optimizer wrapper. With a
    ``GradScaler`` (AMP in fp16) a step with infinite gradients is skipped by
    the scaler, as always, and never reaches the check.
    """

    def before_train(self, runner) -> None:
        model = runner.model.module if is_model_wrapper(
            runner.model) else runner.model

        def check_losses(module: nn.Module, args: tuple, kwargs: dict,
                         output: Any) -> None:
            if module.training and isinstance(output, dict):
                samples = kwargs.get('data_samples')
                check_finite(output,
                             samples if isinstance(samples, list) else None,
                             runner.iter)

        def check_gradients(optimizer, args: tuple, kwargs: dict) -> None:
            _check_gradients(optimizer, model, runner.iter)

        self._handles = [
            model.register_forward_hook(check_losses, with_kwargs=True)
        ]
        wrappers = [runner.optim_wrapper]
        if isinstance(runner.optim_wrapper, OptimWrapperDict):
            wrappers = list(runner.optim_wrapper.values())
        for wrapper in wrappers:
            self._handles.append(
                wrapper.optimizer.register_step_pre_hook(check_gradients))

    def after_train(self, runner) -> None:
        for handle in self._handles:
            handle.remove()


def _check_gradients(optimizer: torch.optim.Optimizer, model: nn.Module,
                     iteration: int) -> None:
    if hasattr(optimizer, 'found_inf'):
        return  # A fused optimizer that does the scaler's skipping itself.
    gradients = [
        p.grad for group in optimizer.param_groups for p in group['params']
        if p.grad is not None
    ]
    if not gradients:
        return
    norms = torch._foreach_norm(gradients)
    # NaN and infinity survive every sum; a finite norm overflows in no case
    # that matters (it would take a gradient of 1e19).
    if bool(torch.isfinite(torch.stack([n.float() for n in norms]).sum())):
        return
    names = [
        name for name, p in model.named_parameters()
        if p.grad is not None and not bool(torch.isfinite(p.grad).all())
    ]
    shown = {f'gradient of {name}': float('nan') for name in names[:10]}
    raise NonFiniteLossError(shown, [f'{len(names)} parameters in all'],
                             iteration)
