"""What is in each batch, over epochs, processes and a resume."""
from collections import Counter
from itertools import islice
from types import SimpleNamespace

import pytest
from mmengine.dataset import DefaultSampler, InfiniteSampler
from mmengine.runner import Runner

from mmxkd.datasets import MixedBatchSampler
from mmxkd.errors import ConfigError


class Data(SimpleNamespace):
    """So many labelled and unlabelled frames."""

    def __init__(self, *sizes):
        super().__init__(datasets=[range(size) for size in sizes])

    def __len__(self):
        return sum(map(len, self.datasets))


def batches(sizes, size, ratio, epoch=0, rank=0, world=1, seed=7, shuffle=True,
            endless=False, **kwargs):
    kind = InfiniteSampler if endless else DefaultSampler
    sampler = kind(Data(*sizes), shuffle=shuffle, seed=seed)
    sampler.rank, sampler.world_size = rank, world
    sampler.set_epoch(epoch)
    return MixedBatchSampler(sampler, size, ratio, **kwargs)


def composition(batch, first):
    return [sum(i < first for i in batch), sum(i >= first for i in batch)]


@pytest.mark.parametrize('size, ratio, parts', [(4, (1, 1), [2, 2]),
                                                (4, (1, 3), [1, 3]),
                                                (8, (1, 3), [2, 6]),
                                                (3, [2, 1], [2, 1])])
def test_every_batch_has_the_ratio(size, ratio, parts):
    for epoch in range(3):
        found = list(batches((5, 13), size, ratio, epoch))
        assert [composition(b, 5) for b in found] == [parts] * len(found)


def test_an_epoch_is_a_pass_of_the_labelled_frames():
    mixed = batches((6, 100), 4, (1, 1))
    assert len(mixed) == 3
    labelled = [i for b in mixed for i in b if i < 6]
    assert sorted(labelled) == list(range(6))
    # Of any other, if it is told so.
    assert len(batches((6, 100), 4, (1, 1), epoch_of=1)) == 50


def test_the_others_go_on_where_they_were():
    """Over 7 epochs of 3 x 2 of them, 42 = 3 passes of 14."""
    seen = Counter(i for epoch in range(7)
                   for b in batches((6, 14), 4, (1, 1), epoch) for i in b)
    assert {seen[i] for i in range(6, 20)} == {3}
    assert {seen[i] for i in range(6)} == {7}


def test_what_does_not_divide_is_begun_in_the_next_pass():
    """7 frames, 2 in a batch: 4 batches, and still no frame more often."""
    epochs = [list(batches((7, 9), 4, (1, 1), e)) for e in range(7)]
    assert {len(e) for e in epochs} == {4}
    seen = Counter(i for e in epochs for b in e for i in b if i < 7)
    assert set(seen.values()) == {8}


def test_epochs_and_datasets_have_orders_of_their_own():
    first, second, again = (list(batches((8, 8), 4, (1, 1), e))
                            for e in (0, 1, 0))
    assert first == again != second
    ours = [i for b in first for i in b if i < 8]
    others = [i - 8 for b in first for i in b if i >= 8]
    assert ours != others and ours != sorted(ours)
    assert first != list(batches((8, 8), 4, (1, 1), seed=8))


def test_two_processes_take_the_frames_of_one():
    for epoch in range(3):
        alone = list(batches((10, 30), 8, (1, 3), epoch))
        two = [
            list(batches((10, 30), 4, (1, 3), epoch, rank, 2))
            for rank in range(2)
        ]
        assert len(alone) == len(two[0]) == len(two[1])
        for whole, *parts in zip(alone, *two, strict=True):
            assert sorted(whole) == sorted(sum(parts, []))
            assert [composition(p, 10) for p in parts] == [[1, 3]] * 2


def test_without_shuffling_frames_come_in_their_order():
    assert list(batches((4, 6), 4, (1, 1), shuffle=False)) == [[0, 1, 4, 5],
                                                               [2, 3, 6, 7]]
    assert list(batches((4, 6), 4, (1, 1), 1, shuffle=False)) == [[0, 1, 8, 9],
                                                                  [2, 3, 4, 5]]


def test_with_an_infinite_sampler_it_has_no_end():
    endless = batches((4, 6), 4, (1, 1), endless=True)
    by_epoch = [b for e in range(5) for b in batches((4, 6), 4, (1, 1), e)]
    assert list(islice(endless, 10)) == by_epoch
    assert len(endless) == 2


def test_mmengine_builds_it_with_its_seed_and_batch_size():
    """And DataLoader, DistSamplerSeedHook and the loops use it."""
    data = Data(4, 6)
    data.metainfo = {}
    loader = Runner.build_dataloader(
        dict(dataset=data, batch_size=4, num_workers=0,
             sampler=dict(type='DefaultSampler', shuffle=True),
             batch_sampler=dict(type='mmxkd.MixedBatchSampler', ratio=(1, 1))),
        seed=7)
    assert len(loader) == 2
    assert list(loader.batch_sampler) == list(batches((4, 6), 4, (1, 1)))
    loader.batch_sampler.sampler.set_epoch(1)
    assert list(loader.batch_sampler) == list(batches((4, 6), 4, (1, 1), 1))


@pytest.mark.parametrize('sizes, size, ratio, more, message', [
    ((4, 6), 4, (1, 2), {}, r'4 frames cannot be shared 1 : 2.*such as 6'),
    ((4, 6), 4, (1, 1, 2), {}, 'is of 3 datasets, but there are 2'),
    ((4, 6), 4, (1, 0), {}, 'whole numbers above 0; leave out'),
    ((4, 6), 4, (0.5, 0.5), {}, 'whole numbers above 0'),
    ((4, 0), 4, (1, 1), {}, 'number 1 has no frame'),
    ((4, 6), 4, (1, 1), dict(epoch_of=2), 'epoch_of=2, expected 0 to 1'),
])
def test_what_cannot_be_shared(sizes, size, ratio, more, message):
    with pytest.raises(ConfigError, match=message):
        batches(sizes, size, ratio, **more)


def test_it_needs_several_datasets_and_a_sampler_of_epochs():
    with pytest.raises(ConfigError, match='several.*MixedDataset, got range'):
        MixedBatchSampler(DefaultSampler(range(4)), 4, (1, 1))
    other = SimpleNamespace(dataset=Data(4, 6))
    with pytest.raises(ConfigError, match="'InfiniteSampler', got 'Simple"):
        MixedBatchSampler(other, 4, (1, 1))
