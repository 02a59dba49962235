"""Discriminators that train in turns, in two processes."""
import os

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.model import MMDistributedDataParallel

from mmxkd.engine.optim import AlternatingOptimWrapperConstructor
from tests.helpers import toys
from tests.helpers.forked import run_ranks

SGD = dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9))


def train(rank: int, channels: int, only: str | None) -> None:
    """Three steps; afterwards, both processes have the same weights."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group('gloo')
    level = dict(grid=(2, 2), pool_between=False)
    model = toys.build(
        student=toys.toy(out_channels=channels),
        teacher=dict(cfg=toys.toy(out_channels=8), random=True),
        loss_adv=dict(type='AdversarialFeatureLoss', in_channels=8,
                      num_levels=2, mode='alternate', channels=4, hidden=4,
                      dropout=0., level_cfgs=[level, level], student='neck',
                      teacher='t:neck', only=only))
    wrapped = MMDistributedDataParallel(model)
    wrapper = AlternatingOptimWrapperConstructor(
        dict(student=SGD, discriminator=SGD))(wrapped)
    begin = torch.cat([p.flatten() for p in model.parameters()]).detach()
    for step in range(3):
        MessageHub.get_current_instance().update_info('iter', step)
        data = toys.batch(2, seed=10 * rank + step)
        if only and rank:
            for sample in data['data_samples']:
                sample.set_metainfo(
                    dict(labelled=False, label_source='teacher'))
        wrapped.train_step(data, wrapper)
    weights = torch.cat([p.flatten() for p in model.parameters()]).detach()
    assert not torch.equal(begin, weights)
    other = weights.clone()
    torch.distributed.broadcast(other, 0)
    torch.testing.assert_close(weights, other, rtol=0, atol=0)
    torch.distributed.barrier()
    # A process group that is freed may wait for ever, see ddp_heads.py.
    os._exit(0)


@pytest.mark.parametrize('channels, only', [
    pytest.param(6, None, id='a connector waits in their turn'),
    pytest.param(8, 'human', id='one process has no such frame'),
])
def test_both_processes_take_the_same_turns(channels, only, tmp_path,
                                            free_port):
    done = run_ranks(
        lambda: train(int(os.environ['RANK']), channels, only), 2,
        tmp_path / 'log', timeout=120,
        environment=dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=free_port))
    assert [d.code for d in done] == [0, 0], done[0].output[-3000:]
