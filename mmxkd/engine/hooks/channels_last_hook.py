"""Convolutions whose memory lies as (N, H, W, C)."""
import torch
from mmengine.hooks import Hook

from mmxkd.registry import HOOKS


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Lay out the weights of 2-D convolutions channels last.

    PyTorch computes a convolution in the layout of its weights, and what
    follows keeps it. It is meant for narrow networks on a CPU; on CUDA,
    PyTorch recommends the layout for mixed precision. Numbers stay the same
    but for rounding, and checkpoints load with or without it.
    """

    # Behind those that load or replace weights.
    priority = 'VERY_LOW'

    def before_train(self, runner) -> None:
        """Lay out the weights, teachers' too."""
        self._lay_out(runner.model)

    def before_val(self, runner) -> None:
        """See :meth:`before_train`."""
        self._lay_out(runner.model)

    def before_test(self, runner) -> None:
        """See :meth:`before_train`."""
        self._lay_out(runner.model)

    @staticmethod
    def _lay_out(model: torch.nn.Module) -> None:
        for weight in model.parameters():
            if weight.dim() == 4:
                weight.data = weight.data.contiguous(
                    memory_format=torch.channels_last)
