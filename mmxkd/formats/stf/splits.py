"""Which frames train, validate and test."""
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from mmxkd.errors import ConfigError

from .layout import StfLayout, sequence_of

SPLITS = ('train', 'val', 'test')
UNLABELLED = 'unlabelled'
"""Frames whose labels nobody reads."""
TRUTH = 'unlabelled_truth'
"""The same frames with their labels, to compare with."""
NIGHT_POOL = ('train_clear_night', 'val_clear_night', 'test_clear_night',
              'snow_night', 'light_fog_night', 'dense_fog_night')
"""All official night frames in any weather: 5803."""


def named_splits(layout: StfLayout,
                 names: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Join official splits.

    Args:
        layout (StfLayout): Where the split files are.
        names (Mapping): For train, val and test the files to join.

    Raises:
        ConfigError: A frame stands in two of train, val and test.
    """
    splits = {split: _join(layout, names.get(split, ())) for split in SPLITS}
    check_apart(splits)
    return splits


def unlabelled_split(layout: StfLayout, names: Sequence[str],
                     splits: Mapping[str, Sequence[str]]) -> list[str]:
    """Join official splits to a pool of frames without labels.

    Args:
        layout (StfLayout): Where the split files are.
        names (Sequence[str]): The files to join.
        splits (Mapping): Frames of train, val and test.

    Raises:
        ConfigError: A frame stands in the pool and in one of them.
    """
    pool = _join(layout, names)
    check_apart({**splits, UNLABELLED: pool})
    return pool


def check_apart(splits: Mapping[str, Sequence[str]]) -> None:
    """Refuse splits that share a frame.

    Raises:
        ConfigError: Names the frame and two splits that it stands in.
    """
    owner: dict[str, str] = {}
    for split, ids in splits.items():
        for frame_id in ids:
            if frame_id in owner:
                raise ConfigError(
                    f'frame {frame_id} stands in {owner[frame_id]} and in '
                    f'{split}')
            owner[frame_id] = split


def _join(layout: StfLayout, names: Sequence[str]) -> list[str]:
    ids = (i for name in names for i in layout.split_ids(name))
    # A dictionary keeps the order and drops what `rain` repeats.
    return list(dict.fromkeys(ids))


def resplit_pool(layout: StfLayout, names: Sequence[str],
                 shares: tuple[float, float, float],
                 seed: int) -> dict[str, list[str]]:
    """Split the frames of some official splits anew.

    A whole capture sequence goes to one split: its frames show the same place
    seconds apart and would leak. Sequences are dealt out in random order,
    each to the split that is farthest below its share.

    Args:
        layout (StfLayout): Where the split files are.
        names (Sequence[str]): Official splits that form the pool.
        shares (tuple[float]): Of train, val and test, sum 1.
        seed (int): Of the order.
    """
    if (len(shares) != len(SPLITS) or min(shares) < 0
            or abs(sum(shares) - 1) > 1e-6):
        raise ConfigError(
            f'shares of train, val and test must have the sum 1: {shares}')
    sequences: dict[str, list[str]] = defaultdict(list)
    for frame_id in sorted(_join(layout, names)):
        sequences[sequence_of(frame_id)].append(frame_id)
    total = sum(len(ids) for ids in sequences.values())
    order = np.random.default_rng(seed).permutation(sorted(sequences))
    splits: dict[str, list[str]] = {split: [] for split in SPLITS}
    for sequence in order:
        lacking = [
            share * total - len(splits[split])
            for split, share in zip(SPLITS, shares, strict=True)
        ]
        splits[SPLITS[int(np.argmax(lacking))]] += sequences[str(sequence)]
    return {split: sorted(ids) for split, ids in splits.items()}
