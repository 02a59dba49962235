"""The layout changes, and nothing else does, also in two processes."""
import os
from types import SimpleNamespace

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

from mmxkd.engine.hooks import ChannelsLastHook
from tests.helpers.forked import run_ranks

HOOK = dict(type='mmxkd.ChannelsLastHook')
LAST = torch.channels_last


class Model(BaseModel):

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(),
                                 nn.ConvTranspose2d(8, 8, 2),
                                 nn.Conv2d(8, 4, 3, groups=2), nn.Flatten(),
                                 nn.Linear(4 * 25, 2))

    def forward(self, *inputs, mode='loss'):
        output = self.net(torch.stack(inputs))
        return dict(loss=output.square().mean()) if mode == 'loss' else output


def train(folder, hooks, batch_size=2, **options) -> Runner:
    torch.manual_seed(1)
    runner = Runner(
        Model(), str(folder), experiment_name=folder.name,
        train_dataloader=dict(
            dataset=list(torch.randn(8, 3, 8, 8)), batch_size=batch_size,
            sampler=dict(type='DefaultSampler', shuffle=False)),
        train_cfg=dict(by_epoch=True, max_epochs=2),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9)),
        custom_hooks=hooks, default_scope='mmengine', log_level='ERROR',
        **options)
    runner.train()
    return runner


def weights_of(folder):
    return torch.load(folder / 'epoch_2.pth', weights_only=True)['state_dict']


def check_close(state, wanted):
    assert state.keys() == wanted.keys()
    for name, value in state.items():
        torch.testing.assert_close(value, wanted[name], rtol=1e-4, atol=1e-6,
                                   msg=name)


def test_training_is_the_same_in_the_other_layout(tmp_path):
    plain = train(tmp_path / 'plain', [])
    last = train(tmp_path / 'last', [HOOK])
    for runner, expected in ((plain, False), (last, True)):
        for weight in runner.model.parameters():
            assert weight.is_contiguous()
        found = runner.model.net[:3](torch.ones(1, 3, 8, 8))
        assert found.is_contiguous(memory_format=LAST) == expected
    check_close(last.model.state_dict(), plain.model.state_dict())
    # A checkpoint of one is one of the other.
    Model().load_state_dict(weights_of(tmp_path / 'last'))


def test_two_processes_learn_what_one_does(tmp_path, free_port):
    """Gradients fit the weights, as DistributedDataParallel has them."""
    train(tmp_path / 'one', [HOOK])

    def ranks():
        torch.set_num_threads(1)
        train(tmp_path / 'two', [HOOK], 1, launcher='pytorch',
              env_cfg=dict(dist_cfg=dict(backend='gloo')))
        torch.distributed.barrier()
        # A process group that is freed may wait for ever, see ddp_heads.py.
        os._exit(0)

    done = run_ranks(
        ranks, 2, tmp_path / 'log', timeout=120,
        environment=dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=free_port))
    assert [d.code for d in done] == [0, 0], done[0].output[-3000:]
    check_close(weights_of(tmp_path / 'two'), weights_of(tmp_path / 'one'))


@pytest.mark.parametrize('when', ['before_train', 'before_val', 'before_test'])
def test_it_begins_once_and_leaves_other_layers(when):

    class Holder:
        model = nn.ModuleList(
            [nn.Conv2d(2, 4, 3),
             nn.Linear(3, 2),
             nn.Conv3d(2, 2, 3)])

    for _ in range(2):
        getattr(ChannelsLastHook(), when)(Holder)
    assert [len(m._forward_pre_hooks) for m in Holder.model] == [1, 0, 0]
    conv = Holder.model[0]
    assert conv(torch.ones(2, 2, 8, 8)).is_contiguous(memory_format=LAST)
    # One without a batch has no such layout.
    assert conv(torch.ones(2, 8, 8)).shape == (4, 6, 6)


def test_teachers_have_it_too():
    """They are no modules of the model."""
    teacher = nn.Conv2d(2, 4, 3)
    model = nn.Module()
    model.teachers = dict(big=SimpleNamespace(model=teacher))
    ChannelsLastHook().before_train(SimpleNamespace(model=model))
    assert teacher(torch.ones(2, 2, 8, 8)).is_contiguous(memory_format=LAST)
