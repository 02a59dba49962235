"""Weights that are laid out anew behind ``DistributedDataParallel``.

What breaks: ``DistributedDataParallel`` reads gradients in the memory layout
that a weight had when the model was wrapped. mmengine wraps a model before
any hook runs and before ``init_weights``. Where one of these lays a weight
out in another way, as ``model.to(memory_format=torch.channels_last)`` does,
its gradient is permuted, and training goes on with nothing but a warning of
lost performance.
Repair: the next training step refuses it, and names the weights.
Versions: seen with PyTorch 2.13. We know of no report.
Can go: when such gradients equal those of one process.
"""
import functools
from types import ModuleType

from mmxkd.errors import ConfigError

from .import_hook import after_import
from .stacks import BOTH

STACKS = BOTH


def apply() -> None:
    """Let mmengine's wrapper remember and compare."""
    after_import('mmengine.model.wrappers.distributed', _repair)


def _repair(module: ModuleType) -> None:
    wrapper = module.MMDistributedDataParallel
    stock_init, stock_forward = wrapper.__init__, wrapper.forward

    @functools.wraps(stock_init)
    def __init__(self, module, *args, **kwargs):
        stock_init(self, module, *args, **kwargs)
        self._wrapped_as = [(name, weight, weight.stride())
                            for name, weight in module.named_parameters()
                            if weight.requires_grad]

    @functools.wraps(stock_forward)
    def forward(self, *inputs, **kwargs):
        if self.training:
            _check(self._wrapped_as)
        return stock_forward(self, *inputs, **kwargs)

    wrapper.__init__, wrapper.forward = __init__, forward


def _check(wrapped_as: list) -> None:
    changed = [
        name for name, weight, stride in wrapped_as
        if weight.stride() != stride
    ]
    if changed:
        raise ConfigError(
            f'{len(changed)} weights, the first of them {changed[0]}, were '
            'laid out in another way, e.g. channels last, after '
            'DistributedDataParallel had wrapped the model: it would permute '
            'their gradients. Lay them out where the model is built, or use '
            "dict(type='mmxkd.ChannelsLastHook'), which leaves weights as "
            'they are')
