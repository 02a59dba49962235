"""SSD's VGG at any width."""
from collections.abc import Sequence
from typing import cast

from mmcv.cnn import build_norm_layer
from mmdet.models.backbones import SSDVGG
from torch import Tensor, nn

from mmxkd.errors import ConfigError
from mmxkd.registry import MODELS

from .early_freezing import EarlyFreezing

# Input channels of the picture, which a width does not change.
_COLOURS = 3
# Channels of VGG's first layers.
_NARROWEST = 64


@MODELS.register_module()
class SlimSSDVGG(EarlyFreezing, SSDVGG):
    """mmdet's ``SSDVGG`` with fewer channels, and always a tuple of maps.

    mmdet's returns a bare tensor where one map is asked for, of which its
    necks take each picture for a level. Its channels are fixed; a teacher for
    tests and laptops needs fewer.

    Args:
        depth (int): 11, 13, 16 or 19.
        width (float): Channels over VGG's, in (0, 1]: 64 · width in the first
            layer, 1024 · width in the last.
        out_feature_indices (Sequence[int]): Layers of ``features`` to give.
            Of VGG-16, 34 is conv7 (1024 · width channels, stride 16), the
            first level of an SSD without conv4_3, and 22 is conv4_3.
        norm_cfg (dict, optional): A norm behind each convolution, under the
            same index as it. Default: none, as in SSD.
        init_cfg (dict, optional): Default: mmdet's, which is He's normal
            initialisation by the number of outgoing connections.

    Raises:
        ConfigError: ``width`` is outside (0, 1], or there is no such layer.

    Examples:
        >>> import torch
        >>> net = SlimSSDVGG(width=0.125)
        >>> [tuple(map.shape) for map in net(torch.zeros(2, 3, 75, 75))]
        [(2, 128, 5, 5)]
    """

    def __init__(self, depth: int = 16, width: float = 1.0,
                 out_feature_indices: Sequence[int] = (34, ),
                 norm_cfg: dict | None = None,
                 init_cfg: dict | list | None = None) -> None:
        if not 0 < width <= 1 or not round(_NARROWEST * width):
            raise ConfigError(
                f'SlimSSDVGG: width={width}, expected a number '
                'in (0, 1] that leaves the first layer a channel')
        super().__init__(depth, out_feature_indices=out_feature_indices,
                         init_cfg=init_cfg)
        bad = [
            k for k in out_feature_indices if not 0 <= k < len(self.features)
        ]
        if bad or not out_feature_indices:
            raise ConfigError(
                f'SlimSSDVGG: out_feature_indices={out_feature_indices}, '
                f'expected some of 0..{len(self.features) - 1}')
        # mmcv's VGG is for weights of ImageNet, whose norms do not train.
        self.bn_eval = False
        for name, layer in list(self.features.named_children()):
            if not isinstance(layer, nn.Conv2d):
                continue
            if width < 1:
                layer = _narrowed(layer, width)
                self.features.add_module(name, layer)
            if norm_cfg is not None:
                norm = build_norm_layer(norm_cfg, layer.out_channels)[1]
                self.features.add_module(name, nn.Sequential(layer, norm))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """(N, 3, H, W) to one map per index, in the order of the layers."""
        outs = super().forward(x)
        return outs if isinstance(outs, tuple) else (outs, )


def _narrowed(conv: nn.Conv2d, width: float) -> nn.Conv2d:
    """The same layer with fewer channels."""
    inward = (_COLOURS if conv.in_channels == _COLOURS else round(
        conv.in_channels * width))
    # VGG's layers have the same extents along both axes.
    kernel, padding, dilation = (cast(tuple[int, int], pair)[0]
                                 for pair in (conv.kernel_size, conv.padding,
                                              conv.dilation))
    return nn.Conv2d(inward, round(conv.out_channels * width), kernel,
                     padding=padding, dilation=dilation)
