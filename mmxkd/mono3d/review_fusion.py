"""Fusion of a student's levels before they are compared."""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmxkd.distillation.connectors import ConvConnector, LevelConnector
from mmxkd.registry import MODELS


class AttentionFusion(nn.Module):
    """One level, mixed with what comes from the deeper ones.

    Args:
        channels (int): Of the level, and of the result.
        width (int): Of the features that are mixed.
        deepest (bool): Nothing comes from deeper levels.
        adapter (bool): A 3×3 convolution, ReLU and a 1×1 convolution of the
            result.
    """

    def __init__(self, channels: int, width: int, deepest: bool,
                 adapter: bool) -> None:
        super().__init__()
        self.adapter = ConvConnector(channels, channels,
                                     (3, 1)) if adapter else nn.Identity()
        self.conv1 = nn.Sequential(nn.Conv2d(channels, width, 1, bias=False),
                                   nn.BatchNorm2d(width))
        self.conv2 = nn.Sequential(
            nn.Conv2d(width, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels))
        self.att_conv: nn.Module | None = None
        if not deepest:
            self.att_conv = nn.Sequential(nn.Conv2d(2 * width, 2, 1),
                                          nn.Sigmoid())
        for conv in (self.conv1[0], self.conv2[0]):
            nn.init.kaiming_uniform_(conv.get_parameter('weight'), a=1)

    def forward(self, level: Tensor,
                deeper: Tensor | None) -> tuple[Tensor, Tensor]:
        """The result, and the features for the next finer level."""
        mixed = self.conv1(level)
        if self.att_conv is not None:
            assert deeper is not None
            up = F.interpolate(deeper, mixed.shape[-2:], mode='nearest')
            share = self.att_conv(torch.cat([mixed, up], 1))
            mixed = mixed * share[:, :1] + up * share[:, 1:]
        return self.adapter(self.conv2(mixed)), mixed


@MODELS.register_module()
class ReviewFusionConnector(LevelConnector):
    """Knowledge review (Chen et al., CVPR 2021), as MonoDistill's students
    have it: each level learns with what the deeper ones know.

    Args:
        channels (Sequence[int]): Of the student's levels, the finest first.
        width (int): Of the features that are mixed.
        adapters (bool): See :class:`AttentionFusion`; released with them.
    """

    def __init__(self, channels: Sequence[int] = (64, 128, 256, 512),
                 width: int = 512, adapters: bool = True) -> None:
        last = len(channels) - 1
        super().__init__(
            AttentionFusion(c, width, i == last, adapters)
            for i, c in enumerate(channels))

    def forward(self, features: Sequence[Tensor],
                targets: Sequence[Tensor] | None = None) -> list[Tensor]:
        """The levels, fused from the deepest to the finest.

        Args:
            features (Sequence[Tensor]): (N, C, H, W), the finest first.
            targets: Not looked at.

        Raises:
            ValueError: There are not as many levels as fusions.
        """
        if len(features) != len(self):
            raise ValueError(f'ReviewFusionConnector: {len(features)} levels, '
                             f'expected {len(self)}')
        found: list[Tensor] = []
        deeper = None
        for i in reversed(range(len(features))):
            level, deeper = self[i](features[i], deeper)
            found.insert(0, level)
        return found
