"""The neck of CenterNet's DLA detectors, with all of its levels."""
from collections.abc import Sequence

import torch
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmxkd.registry import MODELS

_INIT = [
    dict(type='Kaiming', layer='Conv2d', mode='fan_out'),
    dict(type='Constant', layer='_BatchNorm', val=1)
]


class BilinearUp(nn.ConvTranspose2d):
    """Doubles a map, each channel by itself; starts bilinear, and learns.

    Args:
        channels (int): Of the map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 4, stride=2, padding=1,
                         groups=channels, bias=False)

    def reset_parameters(self) -> None:
        """Weights .25 and .75 of the four nearest pixels."""
        line = self.weight.new_tensor([.25, .75, .75, .25])
        with torch.no_grad():
            self.weight.copy_((line[:, None] * line).expand_as(self.weight))


class Aggregation(BaseModule):
    """One stage: deeper levels go up into the width of the shallowest.

    Args:
        in_channels (Sequence[int]): Of the levels, the shallowest first. All
            come out with the first number.
        norm_cfg (dict): Of the convolutions.
    """

    def __init__(self, in_channels: Sequence[int], norm_cfg: dict) -> None:
        super().__init__()
        width = in_channels[0]
        for i, channels in enumerate(in_channels[1:], 1):
            self.add_module(
                f'proj_{i}',
                ConvModule(channels, width, 3, padding=1, norm_cfg=norm_cfg))
            self.add_module(f'up_{i}', BilinearUp(width))
            self.add_module(
                f'node_{i}',
                ConvModule(2 * width, width, 3, padding=1, norm_cfg=norm_cfg))

    def forward(self, levels: Sequence[Tensor]) -> list[Tensor]:
        """Every level but the first, at twice its size.

        Args:
            levels (Sequence[Tensor]): (N, C, H, W), each half the size of the
                one before.
        """
        found = [levels[0]]
        for i, level in enumerate(levels[1:], 1):
            up = self.get_submodule(f'up_{i}')(
                self.get_submodule(f'proj_{i}')(level))
            # The neighbour is what the step before has made of it.
            found.append(
                self.get_submodule(f'node_{i}')(torch.cat([found[-1], up], 1)))
        return found[1:]


@MODELS.register_module()
class DLAUpNeck(BaseModule):
    """Iterative deep aggregation (Yu et al., CVPR 2018) without a last fusion.

    As in DID-M3D and MonoSKD, with plain convolutions. mmdet3d's ``DLANeck``
    adds where this one concatenates, fuses once more, and returns one map.

    Args:
        in_channels (Sequence[int]): Of the backbone's levels, the finest
            first, each half the size of the one before.
        norm_cfg (dict, optional): Default: batch norm.
        init_cfg (dict | list, optional): Default: N(0, 2 / (k² · out)).
    """

    def __init__(self, in_channels: Sequence[int] = (64, 128, 256, 512),
                 norm_cfg: dict | None = None,
                 init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg or _INIT)
        norm_cfg = norm_cfg or dict(type='BN')
        self.stages = len(in_channels) - 1
        channels = list(in_channels)
        for i in range(self.stages):
            first = self.stages - 1 - i
            self.add_module(f'ida_{i}', Aggregation(channels[first:],
                                                    norm_cfg))
            channels[first:] = [channels[first]] * (i + 2)

    def forward(self, levels: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Aggregated maps of the sizes and channels of the input.

        Args:
            levels (Sequence[Tensor]): (N, C, H, W), the finest first.

        Returns:
            tuple[Tensor]: One per level, the finest first. The coarsest is
            the backbone's own.
        """
        maps, found = list(levels), [levels[-1]]
        for i in range(self.stages):
            first = self.stages - 1 - i
            maps[first + 1:] = self.get_submodule(f'ida_{i}')(maps[first:])
            found.append(maps[-1])
        return tuple(reversed(found))
