"""Channels of the levels, for losses with a network per level."""
from collections.abc import Sequence

from torch import Tensor


def as_channels(channels: int | Sequence[int]) -> list[int]:
    """Channels of each level; a number means a single level."""
    return [channels] if isinstance(channels, int) else list(channels)


def check_channels(name: str, channels: Sequence[int],
                   features: Sequence[Tensor]) -> None:
    """Raise where a loss was built for other features.

    Args:
        name (str): The loss, for the message.
        channels (list[int]): Channels that its networks take.
        features (list[Tensor]): (N, C, H, W) each.

    Raises:
        ValueError: The levels differ in number, or the channels of one.
    """
    if len(features) != len(channels):
        raise ValueError(
            f'{name}: {len(features)} levels, but channels={list(channels)} '
            f'is for {len(channels)}; state the channels of each level, e.g. '
            f'channels={[f.shape[1] for f in features]}')
    for i, (feature,
            expected) in enumerate(zip(features, channels, strict=True)):
        if feature.shape[1] != expected:
            raise ValueError(f'{name}: level {i} has {feature.shape[1]} '
                             f'channels, expected channels[{i}]={expected}')
