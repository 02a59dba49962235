"""Gradients clipped one parameter at a time, after weight decay."""
import torch
from mmengine.optim import OptimWrapper
from torch import Tensor

from mmxkd.errors import ConfigError, check_keys
from mmxkd.registry import OPTIM_WRAPPERS


@OPTIM_WRAPPERS.register_module()
class PerTensorClipOptimWrapper(OptimWrapper):
    """``OptimWrapper`` that bounds the gradient of each parameter by itself.

    mmengine clips the norm of all gradients together, and the optimizer adds
    weight decay afterwards. TensorFlow programs often do it the other way
    round: decay is a part of the loss, and each variable's gradient is
    clipped. This wrapper does as they do. It logs the decay as
    ``loss_decay``, the half of the decay times the sum of squares, and the
    norm of all gradients before clipping as ``grad_norm``.

    Args:
        optimizer (torch.optim.SGD): Its ``weight_decay``, which may differ
            between groups (``paramwise_cfg``), becomes part of the gradient.
        accumulative_counts (int): As in mmengine.
        clip_grad (dict, optional): ``max_norm``, the largest norm of one
            gradient. Default: 1.

    Raises:
        ConfigError: Another optimizer decays, which may do so in a way of
            its own; or ``clip_grad`` has other keys, or no number above 0.
    """

    def __init__(self, optimizer: torch.optim.Optimizer,
                 accumulative_counts: int = 1,
                 clip_grad: dict | None = None) -> None:
        clip_grad = dict(clip_grad or dict(max_norm=1.0))
        name = type(self).__name__
        check_keys(f'{name}: clip_grad', clip_grad, ('max_norm', ))
        self.max_norm = clip_grad['max_norm']
        if not self.max_norm > 0:
            raise ConfigError(f'{name}: clip_grad.max_norm={self.max_norm}, '
                              'expected a number above 0')
        super().__init__(optimizer, accumulative_counts, clip_grad)
        self.decays = [
            g.get('weight_decay', 0) for g in optimizer.param_groups
        ]
        if any(self.decays) and not isinstance(optimizer, torch.optim.SGD):
            raise ConfigError(
                f'{name}: weight_decay of {type(optimizer).__name__} is not '
                'known to be a part of the gradient; use SGD, or '
                'weight_decay=0')

    def _clip_grad(self) -> None:
        self.message_hub.update_scalar('train/loss_decay',
                                       float(self._add_decay()))
        gradients = [
            p.grad for group in self.optimizer.param_groups
            for p in group['params'] if p.grad is not None
        ]
        if not gradients:
            return
        norms = torch.stack(
            [torch.linalg.vector_norm(g.float()) for g in gradients])
        self.message_hub.update_scalar('train/grad_norm', float(norms.norm()))
        factors = self.max_norm / norms.clamp(min=self.max_norm)
        for gradient, factor in zip(gradients, factors, strict=True):
            gradient.mul_(factor.to(gradient))

    @torch.no_grad()
    def _add_decay(self) -> Tensor:
        """Add the decay to the gradients; what it adds to the loss."""
        total = torch.zeros(())
        for group, decay in zip(self.optimizer.param_groups, self.decays,
                                strict=True):
            # The optimizer would add it once more. A checkpoint brings its
            # own groups, so this is said in each step.
            group['weight_decay'] = 0
            if not decay:
                continue
            for p in group['params']:
                if p.grad is not None:
                    p.grad.add_(p, alpha=decay)
                    total = total.to(p.device) + decay / 2 * p.square().sum()
        return total
