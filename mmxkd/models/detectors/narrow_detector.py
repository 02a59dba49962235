"""A one-stage detector of which single layers are narrower."""
from collections.abc import Mapping, Sequence

import torch
from mmdet.models.detectors import SingleStageDetector
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmxkd.errors import ConfigError, check_known
from mmxkd.registry import MODELS

Widths = Mapping[str, Sequence[int]]


@MODELS.register_module()
class NarrowDetector(SingleStageDetector):
    """mmdet's ``SingleStageDetector`` after pruning, from its config alone.

    ``tools/compress.py`` writes such configs. Backbone, neck and head are
    those of the detector that was pruned; ``widths`` says what is left of its
    layers. Names of weights stay the same.

    Args:
        widths (dict[str, Sequence[int]]): By layer, such as
            ``'backbone.layer1.0.depthwise_conv.conv'``: ``(in, out)``
            channels of a convolution, ``(channels, )`` of a batch norm.
            Layers that are not listed keep theirs.
        **kwargs: Of ``SingleStageDetector``.

    Raises:
        ConfigError: There is no such layer, or it cannot have this width.
    """

    def __init__(self, widths: Widths, **kwargs) -> None:
        super().__init__(**kwargs)
        narrow(self, widths)


def narrow(model: nn.Module, widths: Widths) -> None:
    """Cut layers down in place; what is left are their first channels.

    Args:
        model (nn.Module): With layers of full width.
        widths (dict): As in :class:`NarrowDetector`.

    Raises:
        ConfigError: There is no such layer, or it cannot have this width.

    Examples:
        >>> net = nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8))
        >>> narrow(net, {'0': (3, 5), '1': (5, )})
        >>> net(torch.zeros(2, 3, 4, 4)).shape[1]
        5
    """
    layers = {
        name: layer for name, layer in model.named_modules()
        if isinstance(layer, (nn.Conv2d, _BatchNorm))
    }
    for name, width in widths.items():
        check_known('NarrowDetector: layer of widths', name, layers)
        layer, width = layers[name], tuple(width)
        full = width_of(layer)
        groups = getattr(layer, 'groups', 1)
        if groups > 1 and groups == full[0]:
            groups = width[0]
        if len(width) != len(full) or any(
                not 1 <= new <= old or new % groups
                for new, old in zip(width, full, strict=True)):
            raise ConfigError(
                f'NarrowDetector: widths[{name!r}]={width}, expected '
                f'{len(full)} number(s) of at most {full}, '
                f'multiples of {groups}')
        keep_channels(layer, torch.arange(width[-1]),
                      torch.arange(width[0] // groups))
        if isinstance(layer, nn.Conv2d):
            layer.in_channels, layer.groups = width[0], groups


def keep_channels(layer: nn.Module, outputs: Tensor,
                  inputs: Tensor | None = None) -> None:
    """Keep some channels of a layer, with their weights, in place.

    Args:
        layer (nn.Module): A convolution or a batch norm.
        outputs (Tensor): Indices of output channels, in their new order.
        inputs (Tensor, optional): Indices of a convolution's inputs *of each
            group*, the second axis of its weight. ``in_channels`` and
            ``groups`` are the caller's.
    """
    if isinstance(layer, nn.Conv2d):
        weight = layer.weight.data[outputs]
        layer.weight = nn.Parameter(weight if inputs is
                                    None else weight[:, inputs])
        if layer.bias is not None:
            layer.bias = nn.Parameter(layer.bias.data[outputs])
        layer.out_channels = len(outputs)
        return
    assert isinstance(layer, _BatchNorm)
    layer.num_features = len(outputs)
    for name in ('weight', 'bias'):
        if getattr(layer, name) is not None:
            setattr(layer, name,
                    nn.Parameter(getattr(layer, name).data[outputs]))
    for name in ('running_mean', 'running_var'):
        if getattr(layer, name) is not None:
            setattr(layer, name, getattr(layer, name)[outputs].clone())


def width_of(layer: nn.Module) -> tuple[int, ...]:
    """``(in, out)`` of a convolution, ``(channels, )`` of a batch norm."""
    if isinstance(layer, nn.Conv2d):
        return layer.in_channels, layer.out_channels
    assert isinstance(layer, _BatchNorm)
    return (layer.num_features, )


def widths_between(narrowed: nn.Module,
                   full: nn.Module) -> dict[str, list[int]]:
    """What :class:`NarrowDetector` has to be told.

    Args:
        narrowed (nn.Module): After pruning.
        full (nn.Module): The same before.

    Returns:
        dict[str, list[int]]: Of the layers that differ.
    """
    before = dict(full.named_modules())
    return {
        name: list(width_of(layer))
        for name, layer in narrowed.named_modules()
        if isinstance(layer, (nn.Conv2d, _BatchNorm))
        and width_of(layer) != width_of(before[name])
    }
