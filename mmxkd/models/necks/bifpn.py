"""The bidirectional feature pyramid of EfficientDet."""
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from mmxkd.errors import ConfigError
from mmxkd.models.layers.same_padding import (
    SamePadMaxPool2d,
    SeparableConv,
    projection,
)
from mmxkd.registry import MODELS

NORM: dict[str, Any] = dict(type='BN', eps=1e-3, momentum=0.01)


@MODELS.register_module()
class BiFPN(BaseModule):
    """Cells that pass features down a pyramid and up again.

    Levels beyond those of the backbone are pooled from the last one. Each
    node adds its inputs with weights that are learned, not negative, and
    divided by their sum.

    Args:
        in_channels (Sequence[int]): Of the backbone's maps, fine to coarse.
        out_channels (int): Of all maps; 112 in D2.
        num_outs (int): Levels of the pyramid, no fewer than the backbone's.
        num_cells (int): 5 in D2.
        norm_cfg (dict): Of all batch norms.
        init_cfg (dict, optional): Of mmengine's ``BaseModule``.

    Raises:
        ConfigError: There are fewer than two levels, fewer than the backbone
            has, or no cell.

    Source: Tan et al. 2020, arXiv 1911.09070.
    """

    def __init__(self, in_channels: Sequence[int] = (48, 120, 352),
                 out_channels: int = 112, num_outs: int = 5,
                 num_cells: int = 5, norm_cfg: dict[str, Any] = NORM,
                 init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        if not in_channels or num_outs < max(len(in_channels), 2):
            raise ConfigError(
                f'BiFPN: num_outs={num_outs} for in_channels={in_channels}, '
                'expected 2 or more, and no fewer than the backbone gives')
        if num_cells < 1:
            raise ConfigError(f'BiFPN: num_cells={num_cells}, expected 1 or '
                              'more')
        self.in_channels = list(in_channels)
        self.laterals = nn.ModuleList(
            projection(c, out_channels, norm_cfg) for c in in_channels)
        # The nodes on the way up see the backbone through projections of
        # their own, but for the finest level, which has no such node.
        self.upward_laterals = nn.ModuleList(
            projection(c, out_channels, norm_cfg) for c in in_channels[1:])
        extra = num_outs - len(in_channels)
        self.extra = nn.ModuleList(
            [projection(in_channels[-1], out_channels, norm_cfg)][:extra])
        self.num_extra = extra
        self.pool = SamePadMaxPool2d(3, 2)
        self.cells = nn.ModuleList(
            BiFPNCell(out_channels, num_outs, norm_cfg)
            for _ in range(num_cells))

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Fuse the maps of the backbone.

        Args:
            inputs (Sequence[Tensor]): (N, C_i, H_i, W_i), one per entry of
                ``in_channels``.

        Returns:
            tuple[Tensor, ...]: ``num_outs`` maps (N, out_channels, …).
        """
        if len(inputs) != len(self.in_channels):
            raise ConfigError(
                f'BiFPN: in_channels={self.in_channels} are of '
                f'{len(self.in_channels)} levels, the backbone gives '
                f'{len(inputs)}')
        down = [f(x) for f, x in zip(self.laterals, inputs, strict=True)]
        up = down[:1] + [
            f(x) for f, x in zip(self.upward_laterals, inputs[1:], strict=True)
        ]
        for i in range(self.num_extra):
            coarser = self.pool(self.extra[0](inputs[-1]) if i ==
                                0 else down[-1])
            down.append(coarser)
            up.append(coarser)
        for cell in self.cells:
            down = up = cell(down, up)
        return tuple(down)


class BiFPNCell(nn.Module):
    """One way down the pyramid, and one up.

    Args:
        channels (int): Of all maps.
        num_levels (int): Of the pyramid.
        norm_cfg (dict): Of all batch norms.
    """

    def __init__(self, channels: int, num_levels: int,
                 norm_cfg: dict[str, Any]) -> None:
        super().__init__()
        # Entry i makes level i, down from the last but one.
        self.downward = nn.ModuleList(
            FusionNode(channels, 2, norm_cfg) for _ in range(num_levels - 1))
        # Entry i makes level i + 1; the last level has no map from the way
        # down.
        self.upward = nn.ModuleList(
            FusionNode(channels, 3 if i < num_levels - 2 else 2, norm_cfg)
            for i in range(num_levels - 1))
        self.pool = SamePadMaxPool2d(3, 2)

    def forward(self, down: Sequence[Tensor],
                up: Sequence[Tensor]) -> list[Tensor]:
        """Fuse the levels.

        Args:
            down (Sequence[Tensor]): Inputs of the way down, fine to coarse.
            up (Sequence[Tensor]): Inputs of the way up; the finest is not
                read.

        Returns:
            list[Tensor]: One map per level, of the same sizes.
        """
        last = len(down) - 1
        middle = list(down)
        for i in reversed(range(last)):
            # For twice the size, this is a repetition of each value.
            coarser = F.interpolate(middle[i + 1], size=down[i].shape[-2:],
                                    mode='nearest')
            middle[i] = self.downward[i]([down[i], coarser])
        out = [middle[0]]
        for i in range(1, last + 1):
            pooled = self.pool(out[-1])
            maps = ([up[i], middle[i], pooled] if i < last else
                    [up[i], pooled])
            out.append(self.upward[i - 1](maps))
        return out


class FusionNode(nn.Module):
    """A weighted mean of maps, SiLU, and a separable convolution.

    Args:
        channels (int): Of all maps.
        num_inputs (int): How many maps are added.
        norm_cfg (dict): Of the batch norm at the end.
    """

    def __init__(self, channels: int, num_inputs: int,
                 norm_cfg: dict[str, Any]) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.ones(num_inputs))
        self.conv = SeparableConv(channels, channels, norm_cfg)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Fuse (N, C, H, W) maps of one size."""
        weights = self.weights.relu()
        weights = weights / (weights.sum() + 1e-4)
        fused = weights[0] * maps[0]
        for weight, x in zip(weights[1:], maps[1:], strict=True):
            fused = fused + weight * x
        return self.conv(F.silu(fused))
