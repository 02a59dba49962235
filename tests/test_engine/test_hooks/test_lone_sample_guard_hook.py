from types import SimpleNamespace

import pytest
from torch import nn
from torch.utils.data import DataLoader

from mmxkd.engine.hooks import LoneSampleGuardHook
from mmxkd.errors import ConfigError

NORMED = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1))


def start(model, **loader):
    LoneSampleGuardHook().before_train(
        SimpleNamespace(model=model,
                        train_dataloader=DataLoader(range(9), **loader)))


@pytest.mark.parametrize('size, named', [(1, '1'), (4, '1 and 4'),
                                         (8, '1 and 8')])
def test_refused(size, named):
    with pytest.raises(ConfigError,
                       match=f'batches have {named} samples.*drop_last=True'):
        start(NORMED, batch_size=size)


@pytest.mark.parametrize('model, loader', [
    (NORMED, dict(batch_size=3)),
    (NORMED, dict(batch_size=7)),
    (NORMED, dict(batch_size=9)),
    (NORMED, dict(batch_size=8, drop_last=True)),
    (NORMED, dict(batch_sampler=[[0], [1, 2]])),
    (nn.Conv2d(1, 1, 1), dict(batch_size=1)),
    (nn.SyncBatchNorm(1), dict(batch_size=1)),
])
def test_let_pass(model, loader):
    start(model, **loader)
