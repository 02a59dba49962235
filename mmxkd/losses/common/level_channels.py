"""Channels of the levels, for losses with networks of their own a level."""
from collections.abc import Sequence

from torch import Tensor


def as_channels(channels: int | Sequence[int]) -> list[int]:
    """Channels of each level; a number is a single level."""
    return [channels] if isinstance(channels, int) else list(channels)


def check_channels(name: str, channels: Sequence[int],
                   features: Sequence[Tensor]) -> None:
    """Raise where features are not what a loss was built for.

    Args:
        name (str): The loss, for the message.
        channels (list[int]): Channels that it has networks for.
        features (list[Tensor]): (N, C, H, W) each.

    Raises:
        ValueError: Another number of levels, or of channels in one.
    """
    if len(features) != len(channels):
        raise ValueError(
            f'{name}: {len(features)} levels, but channels={list(channels)} '
            f'is for {len(channels)}; state the channels of each level, e.g. '
            f'channels={[f.shape[1] for f in features]}')
    for i, (feature, expected) in enumerate(
            zip(features, channels, strict=True)):
        if feature.shape[1] != expected:
            raise ValueError(f'{name}: level {i} has {feature.shape[1]} '
                             f'channels, expected channels[{i}]={expected}')
