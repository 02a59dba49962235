"""Convolutions whose memory lies as (N, H, W, C)."""
import torch
from mmengine.hooks import Hook
from torch import Tensor, nn

from mmxkd.engine.bare_model import bare_model
from mmxkd.registry import HOOKS


@HOOKS.register_module()
class ChannelsLastHook(Hook):
    """Give 2-D convolutions their maps channels last.

    PyTorch computes a convolution in the layout of its input or its weight,
    and what follows keeps it. It is meant for narrow networks on a CPU; on
    CUDA, PyTorch recommends the layout for mixed precision. Numbers stay the
    same but for rounding, and checkpoints load with or without it.

    The weights stay as they are: ``DistributedDataParallel`` reads gradients
    in the layout that a weight had when the model was wrapped, which is
    before any hook. Of a weight that is laid out in another way later, it
    permutes the gradient, and says no more than a warning (torch 2.13).
    """

    # Behind those that replace modules.
    priority = 'VERY_LOW'

    def before_train(self, runner) -> None:
        """Begin, teachers too."""
        lay_out(runner.model)

    def before_val(self, runner) -> None:
        """See :meth:`before_train`."""
        lay_out(runner.model)

    def before_test(self, runner) -> None:
        """See :meth:`before_train`."""
        lay_out(runner.model)


def lay_out(model: nn.Module) -> None:
    """See :class:`ChannelsLastHook`; a second call changes nothing."""
    bare = bare_model(model)
    # Teachers are no modules of the model that they teach.
    for teacher in getattr(bare, 'teachers', {}).values():
        lay_out(teacher.model)
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            hooks = module._forward_pre_hooks.values()
            if _channels_last not in hooks:
                module.register_forward_pre_hook(_channels_last)


def _channels_last(module: nn.Module, inputs: tuple) -> tuple:
    # Without a batch there is no such layout.
    if not inputs or inputs[0].dim() != 4:
        return inputs
    maps: Tensor = inputs[0]
    return (maps.contiguous(memory_format=torch.channels_last), *inputs[1:])
