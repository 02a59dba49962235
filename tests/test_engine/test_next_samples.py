"""The indices of the batch that is waited for are known before it comes."""
import re

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from mmxkd.engine.next_samples import NextSamples


class Numbers(Dataset):

    def __init__(self, names=None):
        self.names = names

    def __len__(self):
        return 11

    def __getitem__(self, index):
        return index

    def get_data_info(self, index):
        return self.names(index) if self.names else {}


@pytest.mark.parametrize('workers', [0, 2])
def test_each_batch_is_foretold(workers):
    torch.manual_seed(0)
    loader = DataLoader(Numbers(), batch_size=2, shuffle=True,
                        num_workers=workers,
                        multiprocessing_context='fork' if workers else None)
    stock = type(loader.batch_sampler)
    watched = NextSamples(loader)
    foretold = ''
    for _ in range(2):
        batches = []
        for batch in loader:
            if foretold:
                assert str(batch.tolist()) in foretold
            batches += batch.tolist()
            watched.arrived()
            foretold = watched.report() if workers else ''
        assert sorted(batches) == list(range(11))
        foretold = ''
    watched.stop()
    assert type(loader.batch_sampler) is stock


def test_a_batch_that_fails_is_named_in_this_process():
    data = Numbers(lambda index: dict(img_path=f'{index}.png'))
    loader = DataLoader(data, batch_size=2)
    watched = NextSamples(loader)
    batches = iter(loader)
    next(batches)
    watched.arrived()
    assert watched.report() == ''
    data.__class__ = type('Broken', (Numbers, ),
                          dict(__getitem__=lambda self, index: 1 / 0))
    with pytest.raises(ZeroDivisionError):
        next(batches)
    assert watched.report() == (
        'The next batch of this process has the indices [2, 3] of the '
        'dataset: 2.png, 3.png')


def test_a_loader_without_a_batch_sampler():
    loader = DataLoader(Numbers(), batch_size=None)
    watched = NextSamples(loader)
    assert list(loader) == list(range(11))
    watched.arrived()
    assert not re.search(r'\d', watched.report())
    watched.stop()
