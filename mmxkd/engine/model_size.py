"""Parameters and multiply-adds of a model, counted exactly."""
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd


@dataclass
class LayerSize:
    """What one layer costs.

    Attributes:
        name (str): Its path in the model.
        kind (str): Its class.
        parameters (int): Numbers that train.
        statistics (int): Running means and variances.
        macs (int): Multiply-adds of convolutions and matrix products, for
            one image, over all its calls. Biases, norms, activations,
            pooling and the decoding of boxes do not count.
        depthwise (bool): Whether each output channel sees one input channel.
        calls (int): How often it ran.
        output (tuple[int, ...]): Shape of its last output.
    """

    name: str
    kind: str
    parameters: int = 0
    statistics: int = 0
    macs: int = 0
    depthwise: bool = False
    calls: int = 0
    output: tuple[int, ...] = ()


class ModelSize(list[LayerSize]):
    """The layers of a model that have parameters or statistics."""

    def parts(self) -> list[str]:
        """Names of the model's direct children, in their order."""
        return list(dict.fromkeys(row.name.partition('.')[0] for row in self))

    def of(self, part: str = '') -> 'ModelSize':
        """The layers of one part; of all, without a name."""
        return ModelSize(
            row for row in self
            if not part or row.name == part or row.name.startswith(part + '.'))

    @property
    def parameters(self) -> int:
        """Numbers that train."""
        return sum(row.parameters for row in self)

    @property
    def statistics(self) -> int:
        """Running means and variances of batch norms."""
        return sum(row.statistics for row in self)

    @property
    def macs(self) -> int:
        """Multiply-adds."""
        return sum(row.macs for row in self)

    @property
    def depthwise_macs(self) -> int:
        """Those of them that depthwise convolutions do."""
        return sum(row.macs for row in self if row.depthwise)


def measure(model: nn.Module, forward: Callable[[], Any]) -> ModelSize:
    """Count the parameters of a model, and its multiply-adds in one pass.

    Hooks count what the layers compute. Tracing, as ``get_flops`` of mmdet
    does, counts norms and activations too, and does not go through heads
    with Python loops.

    Args:
        model (nn.Module): In eval mode.
        forward (callable): Runs it on one image.

    Returns:
        ModelSize: One row per layer. Parameters that a module holds itself,
        beside its layers, have a row of their own.
    """
    rows: dict[str, LayerSize] = {}
    handles = []
    counted: set[int] = set()
    for name, module in model.named_modules():
        own = [
            p for p in module.parameters(recurse=False)
            if p.requires_grad and id(p) not in counted
        ]
        counted.update(map(id, own))
        row = LayerSize(name,
                        type(module).__name__, sum(p.numel() for p in own),
                        _statistics(module))
        if not isinstance(module, (_ConvNd, nn.Linear)):
            if row.parameters or row.statistics:
                rows[name] = row
            continue
        rows[name] = row
        row.depthwise = (isinstance(module, _ConvNd) and module.groups > 1
                         and module.groups == module.in_channels)
        handles.append(module.register_forward_hook(_counter(row)))
    try:
        with torch.no_grad():
            forward()
    finally:
        for handle in handles:
            handle.remove()
    return ModelSize(rows.values())


def _statistics(module: nn.Module) -> int:
    if not isinstance(module, _BatchNorm):
        return 0
    return sum(b.numel() for b in (module.running_mean, module.running_var)
               if b is not None)


def _counter(row: LayerSize) -> Callable:

    def count(module: Any, inputs: tuple, output: Tensor) -> None:
        row.calls += 1
        row.output = tuple(output.shape)
        if isinstance(module, nn.Linear):
            row.macs += output.numel() * module.in_features
            return
        kernel = math.prod(module.kernel_size)
        if isinstance(module, _ConvTransposeNd):
            # Each input goes to so many outputs.
            row.macs += (inputs[0].numel() * kernel * module.out_channels
                         // module.groups)
        else:
            row.macs += (output.numel() * kernel * module.in_channels
                         // module.groups)

    return count
