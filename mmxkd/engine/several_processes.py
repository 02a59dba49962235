"""What a loss needs where several processes train one model."""
from collections.abc import Iterable

from torch import Tensor, nn

from mmxkd.errors import ConfigError


def check_no_collective(modules: Iterable[nn.Module], key: str) -> None:
    """Refuse what waits for processes that may not take part.

    mmengine converts batch norms after the model was built, so that this is
    asked when the training starts.

    Args:
        modules (Iterable[nn.Module]): Parts of a loss that has something to
            learn from in some processes only.
        key (str): What to name in the message.

    Raises:
        ConfigError: One of them has a synchronised batch norm.
    """
    for module in modules:
        for name, layer in module.named_modules():
            if 'SyncBatchNorm' in type(layer).__name__:
                raise ConfigError(
                    f'{key}: its {name} is a {type(layer).__name__}, which '
                    'would wait for processes without such frames; set '
                    'sync_bn=None, or give it another norm')


def zero_of_parameters(modules: Iterable[nn.Module], like: Tensor) -> Tensor:
    """A zero that keeps parameters in the graph.

    DDP waits for the gradient of every parameter, also of one that had no
    part in this step.

    Args:
        modules (Iterable[nn.Module]): Their parameters that learn.
        like (Tensor): Of its device and dtype.
    """
    zero = like.new_zeros(())
    for module in modules:
        for parameter in module.parameters():
            if parameter.requires_grad:
                zero = zero + parameter.sum() * 0.0
    return zero
