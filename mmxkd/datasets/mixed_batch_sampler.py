"""Batches with a stated number of frames of each dataset."""
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from mmengine.dataset import InfiniteSampler
from torch.utils.data import BatchSampler

from mmxkd.errors import ConfigError
from mmxkd.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class MixedBatchSampler(BatchSampler):
    """Take frames of several datasets at a ratio, in every batch.

    mmdet's ``MultiSourceSampler`` does so too, but has no end, so that an
    ``EpochBasedTrainLoop`` never comes to its second epoch. Here:

    * An epoch is one pass of one dataset, by default the first. The others
      go on where the last epoch left them: each of their frames is seen
      equally often, whatever the sizes.
    * A batch depends on seed, epoch and number alone. A run resumed at an
      epoch takes the batches of the uninterrupted run.
    * All processes together take the frames that one process with as many
      times the batch size would take.
    * With mmengine's ``InfiniteSampler`` the batches have no end, as an
      ``IterBasedTrainLoop`` likes best.

    The dataset is a ``ConcatDataset`` such as :class:`.MixedDataset`. Seed,
    shuffling and the size of a batch are those of the data loader::

        train_dataloader = dict(
            batch_size=4,
            sampler=dict(type='DefaultSampler', shuffle=True),
            batch_sampler=dict(type='mmxkd.MixedBatchSampler', ratio=(1, 1)),
            dataset=dict(type='mmxkd.MixedDataset', datasets=[…, …]))

    Args:
        sampler (DefaultSampler | InfiniteSampler): Of the data loader.
        batch_size (int): Frames of a batch in one process.
        ratio (Sequence[int]): Parts of each dataset in a batch, in their
            order.
        epoch_of (int): Number of the dataset whose pass is an epoch.

    Raises:
        ConfigError: There are not as many datasets as parts, one is empty,
            or the ratio gives no whole number of frames.
    """

    def __init__(self, sampler: Any, batch_size: int, ratio: Sequence[int],
                 epoch_of: int = 0) -> None:
        datasets = getattr(sampler.dataset, 'datasets', None)
        if datasets is None:
            raise ConfigError(
                'MixedBatchSampler: expected a dataset of several, such as '
                f'mmxkd.MixedDataset, got {type(sampler.dataset).__name__}')
        self.endless = isinstance(sampler, InfiniteSampler)
        if not self.endless and not hasattr(sampler, 'epoch'):
            raise ConfigError(
                "MixedBatchSampler: expected a sampler 'DefaultSampler' or "
                f"'InfiniteSampler', got {type(sampler).__name__!r}")
        super().__init__(sampler, batch_size, drop_last=False)
        self.sizes = [len(dataset) for dataset in datasets]
        self.counts = _counts(batch_size, ratio, len(datasets))
        if 0 in self.sizes:
            raise ConfigError('MixedBatchSampler: the dataset number '
                              f'{self.sizes.index(0)} has no frame')
        if not 0 <= epoch_of < len(self.sizes):
            raise ConfigError(f'MixedBatchSampler: epoch_of={epoch_of}, '
                              f'expected 0 to {len(self.sizes) - 1}')
        # Of all processes.
        wide = self.counts[epoch_of] * sampler.world_size
        self.num_batches = -(-self.sizes[epoch_of] // wide)

    def __len__(self) -> int:
        """Batches of an epoch in one process."""
        return self.num_batches

    def __iter__(self) -> Iterator[list[int]]:
        streams = [
            _Stream(size, number, self.sampler)
            for number, size in enumerate(self.sizes)
        ]
        starts = np.cumsum([0, *self.sizes[:-1]]).tolist()
        first = getattr(self.sampler, 'epoch', 0) * self.num_batches
        step = first
        while self.endless or step < first + self.num_batches:
            yield [
                start + frame for start, stream, count in zip(
                    starts, streams, self.counts, strict=True)
                for frame in stream.share(step, count)
            ]
            step += 1


class _Stream:
    """The frames of one dataset: pass after pass, each in a new order.

    Args:
        size (int): Its number of frames.
        number (int): Of the dataset, so that each has an order of its own.
        sampler: With seed, shuffle, rank and world_size.
    """

    def __init__(self, size: int, number: int, sampler: Any) -> None:
        self.size, self.number, self.sampler = size, number, sampler
        self._passed = -1
        self._order: np.ndarray = np.arange(size)

    def share(self, step: int, count: int) -> list[int]:
        """The frames of this process in a batch, counted from run's start."""
        begin = step * count * self.sampler.world_size + self.sampler.rank
        return [
            self._at(begin + k * self.sampler.world_size) for k in range(count)
        ]

    def _at(self, position: int) -> int:
        passed, place = divmod(position, self.size)
        if self.sampler.shuffle and passed != self._passed:
            self._passed = passed
            self._order = np.random.default_rng(
                (self.sampler.seed, self.number,
                 passed)).permutation(self.size)
        return int(self._order[place])


def _counts(batch_size: int, ratio: Sequence[int], number: int) -> list[int]:
    """Frames of each dataset in a batch."""
    ratio = list(ratio)
    if len(ratio) != number:
        raise ConfigError(f'MixedBatchSampler: ratio={ratio} is of '
                          f'{len(ratio)} datasets, but there are {number}')
    if any(type(part) is not int or part < 1 for part in ratio):
        raise ConfigError(f'MixedBatchSampler: ratio={ratio}, expected whole '
                          'numbers above 0; leave out a dataset instead of '
                          'giving it 0')
    whole = sum(ratio)
    if batch_size % whole:
        raise ConfigError(
            f'MixedBatchSampler: a batch of {batch_size} frames cannot be '
            f'shared {" : ".join(map(str, ratio))}; take a batch_size that '
            f'{whole} divides, such as {whole * (batch_size // whole + 1)}')
    return [part * batch_size // whole for part in ratio]
