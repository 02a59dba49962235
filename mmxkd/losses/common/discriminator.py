"""Tells the teacher's features from the student's, one logit per image."""
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn


class FeatureDiscriminator(nn.Module):
    """The discriminator of CMKD-Adv (Hnewa et al., ICASSP 2023).

    Two 1×1 convolutions reduce the map to one channel, which is max-pooled
    to a fixed grid and classified by two linear layers. With the default
    grids it equals the published one for 512×864 inputs; other sizes work
    too.

    Args:
        in_channels (int): Channels of the feature map.
        channels (int): Channels between the convolutions.
        hidden (int): Width of the hidden linear layer.
        grid (tuple[int, int]): Rows and columns of the pooled map.
        pool_between (bool): Halve the map between the convolutions too, as
            in the two finest levels.
        dropout (float): Before the last layer.
    """

    def __init__(self, in_channels: int = 256, channels: int = 128,
                 hidden: int = 108, grid: Sequence[int] = (16, 27),
                 pool_between: bool = False, dropout: float = 0.5) -> None:
        super().__init__()
        self.grid: tuple[int, int] = (grid[0], grid[1])
        self.pool_between = pool_between
        self.conv1 = nn.Conv2d(in_channels, channels, 1)
        self.conv2 = nn.Conv2d(channels, 1, 1)
        self.fc1 = nn.Linear(self.grid[0] * self.grid[1], hidden)
        self.dropout = nn.Dropout(dropout)
        self.fc2 = nn.Linear(hidden, 1)

    def forward(self, feature: Tensor) -> Tensor:
        """Classify feature maps.

        Args:
            feature (Tensor): (N, C, H, W) of any size.

        Returns:
            Tensor: (N, 1) logits; positive for the teacher.
        """
        x = F.relu(self.conv1(feature))
        if self.pool_between:
            x = F.max_pool2d(x, 2, ceil_mode=True)
        x = F.relu(self.conv2(x))
        x = F.adaptive_max_pool2d(x, self.grid).flatten(1)
        return self.fc2(self.dropout(F.relu(self.fc1(x))))
