"""MobileNetV2 for SSDLite: tapped inside of a block."""
from mmdet.models.backbones import MobileNetV2
from torch import Tensor

from mmxkd.errors import ConfigError
from mmxkd.registry import MODELS

from .early_freezing import EarlyFreezing


@MODELS.register_module()
class TappedMobileNetV2(EarlyFreezing, MobileNetV2):
    """mmdet's ``MobileNetV2``, which gives SSDLite's two feature maps.

    The first is tapped inside of the block that halves the resolution for the
    last time (number 14 of 17, ``layer6[0]``): after its expansion, batch
    norm and ReLU6. So it has six times the channels that mmdet's own SSDLite
    taps, 576 of stride 16, at no further cost. The second is the last layer,
    1280 of stride 32.

    Source: Sandler et al., "MobileNetV2", CVPR 2018, section 6.2: "the first
    layer of SSDLite is attached to the expansion of layer 15".

    Args:
        widen_factor (float): Width of the network.
        **kwargs: Of mmdet's ``MobileNetV2``, but for ``out_indices`` and
            ``with_cp``.

    Raises:
        ConfigError: ``out_indices`` or ``with_cp`` is given.

    Examples:
        >>> import torch
        >>> net = TappedMobileNetV2(widen_factor=0.5)
        >>> [tuple(map.shape) for map in net(torch.zeros(2, 3, 64, 64))]
        [(2, 288, 4, 4), (2, 1280, 2, 2)]
    """

    #: The stage whose first block is tapped, after its expansion.
    tapped = 'layer6'

    def __init__(self, widen_factor: float = 1.0, **kwargs) -> None:
        for name in ('out_indices', 'with_cp'):
            if name in kwargs:
                raise ConfigError(
                    f'TappedMobileNetV2: {name} cannot be set: the maps are '
                    "SSDLite's two. mmdet.MobileNetV2 has it")
        super().__init__(widen_factor, **kwargs)
        # Freezes.
        self.train()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The expansion of block 14 and the last layer of (N, 3, H, W).

        Returns:
            tuple[Tensor, Tensor]: (N, 576, H/16, W/16) and
            (N, 1280, H/32, W/32) at width 1, rounded up.
        """
        x = self.conv1(x)
        for name in self.layers:
            layer = getattr(self, name)
            if name == self.tapped:
                first, *others = layer
                expanded = first.expand_conv(x)
                # Stride 2: there is no shortcut.
                x = first.linear_conv(first.depthwise_conv(expanded))
                for block in others:
                    x = block(x)
            else:
                x = layer(x)
        return expanded, x
