"""Losses with a network for each level."""
from abc import abstractmethod
from collections.abc import Sequence

from torch import Tensor

from .base import MultiLevelLoss


class LevelNetworksLoss(MultiLevelLoss):
    """A loss that trains a network per level, of the teacher's channels.

    A subclass calls :meth:`set_channels` at the end of its ``__init__``.
    Where the config states no channels, the dry run tells them.

    Args:
        level_weights (list[float], optional): See
            :class:`.base.MultiLevelLoss`.
        level_reduction (str): ``'sum'`` or ``'mean'`` over levels.

    Attributes:
        channels (list[int], optional): Of each level; None before they are
            known.
    """

    channels: list[int] | None = None

    @abstractmethod
    def build_networks(self, channels: Sequence[int]) -> None:
        """Make the networks, one per level of these channels."""

    def set_channels(self, channels: int | Sequence[int] | None) -> None:
        """Take the channels, a number for a single level, and build."""
        self.lacks = 'channels' if channels is None else ''
        if channels is not None:
            self.channels = [channels] if isinstance(channels,
                                                     int) else list(channels)
            self.build_networks(self.channels)

    def fit(self, teacher: Sequence[Tensor]) -> None:
        """Take the channels of the teacher, unless they are stated.

        Args:
            teacher (list[Tensor]): (N, C, H, W) each.
        """
        if self.channels is None:
            self.set_channels([level.shape[1] for level in teacher])

    def check_channels(self, features: Sequence[Tensor]) -> None:
        """Raise where the networks were built for other features.

        Args:
            features (list[Tensor]): (N, C, H, W) each.

        Raises:
            ValueError: No channels are known, the levels differ in number,
                or the channels of one.
        """
        name = type(self).__name__
        given = [feature.shape[1] for feature in features]
        if self.channels is None:
            raise ValueError(f'{name}: no dry run told it the channels; '
                             f'state channels={given}')
        if len(features) != len(self.channels):
            raise ValueError(
                f'{name}: {len(features)} levels, but channels='
                f'{self.channels} is for {len(self.channels)}; state the '
                f'channels of each level, e.g. channels={given}')
        for i, (own,
                expected) in enumerate(zip(given, self.channels, strict=True)):
            if own != expected:
                raise ValueError(f'{name}: level {i} has {own} channels, '
                                 f'expected channels[{i}]={expected}')
