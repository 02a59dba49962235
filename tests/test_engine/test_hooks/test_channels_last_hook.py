"""The layout changes, and nothing else does."""
import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

from mmxkd.engine.hooks import ChannelsLastHook


class Model(BaseModel):

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8),
                                 nn.ReLU(), nn.Conv2d(8, 4, 3), nn.Flatten(),
                                 nn.Linear(4 * 16, 2))

    def forward(self, *inputs, mode='loss'):
        output = self.net(torch.stack(inputs))
        return dict(loss=output.square().mean()) if mode == 'loss' else output


def train(folder, hooks) -> Runner:
    torch.manual_seed(1)
    runner = Runner(
        Model(), str(folder), experiment_name=folder.name,
        train_dataloader=dict(
            dataset=list(torch.randn(8, 3, 8, 8)), batch_size=2,
            sampler=dict(type='DefaultSampler', shuffle=False)),
        train_cfg=dict(by_epoch=True, max_epochs=2),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1, momentum=0.9)),
        custom_hooks=hooks, default_scope='mmengine', log_level='ERROR')
    runner.train()
    return runner


def test_training_is_the_same_in_the_other_layout(tmp_path):
    plain = train(tmp_path / 'plain', [])
    last = train(tmp_path / 'last', [dict(type='mmxkd.ChannelsLastHook')])
    for runner, expected in ((plain, False), (last, True)):
        for name, weight in runner.model.named_parameters():
            if weight.dim() == 4:
                found = weight.is_contiguous(memory_format=torch.channels_last)
                assert found == expected, name
    state = plain.model.state_dict()
    for name, value in last.model.state_dict().items():
        torch.testing.assert_close(value, state[name], rtol=1e-4, atol=1e-6)
    # A checkpoint of one is one of the other.
    path = tmp_path / 'last' / 'epoch_2.pth'
    saved = torch.load(path, weights_only=True)['state_dict']
    fresh = Model()
    fresh.load_state_dict(saved)
    assert fresh.net[0].weight.is_contiguous()


@pytest.mark.parametrize('when', ['before_val', 'before_test'])
def test_tests_have_it_too_and_other_weights_stay(when):

    class Holder:
        model = nn.ModuleList(
            [nn.Conv2d(2, 4, 3),
             nn.Linear(3, 2),
             nn.Conv3d(2, 2, 3)])

    getattr(ChannelsLastHook(), when)(Holder)
    conv, linear, volume = Holder.model
    assert conv.weight.is_contiguous(memory_format=torch.channels_last)
    assert linear.weight.is_contiguous() and volume.weight.is_contiguous()
