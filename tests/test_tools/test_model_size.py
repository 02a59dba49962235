"""Counts of parameters and multiply-adds, by hand and as published."""
import pytest
import torch
from mmengine.registry import DefaultScope
from torch import nn

from mmxkd.engine.model_size import measure
from mmxkd.errors import ConfigError
from tests.helpers.commands import load_tool


@pytest.fixture(scope='module')
def tool(repo):
    return load_tool(repo / 'tools/analysis_tools/model_size.py')


@pytest.mark.parametrize(
    'name, trainable, statistics, backbone, without_depthwise, whole', [
        ('x1', 1_602_312, 26_784, 5.2376, 5.1009, 6.1692),
        ('x05_imitation', 535_656, 13_392, 1.5880, 1.5196, 2.0538),
        ('x025', 202_776, 6_696, .6668, .6326, .8997),
    ])
def test_shuffledet_golden(repo, tool, name, trainable, statistics, backbone,
                           without_depthwise, whole):
    """Of a distillation the student counts, at the size of its pipeline."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        size = tool.size_of(
            str(repo / f'configs/fine_grained/shuffledet_{name}_kitti.py'),
            device='meta')
    assert size.parameters == trainable and size.statistics == statistics
    own = size.of('backbone')
    found = [own.macs, own.macs - own.depthwise_macs, size.macs]
    assert [round(n / 1e9, 4)
            for n in found] == [backbone, without_depthwise, whole]


def test_what_is_computed_does_not_matter(repo, tool):
    config = repo / 'configs/fine_grained/shuffledet_x05_kitti_tiny.py'
    with DefaultScope.overwrite_default_scope('mmdet'):
        real, meta = (tool.size_of(str(config), (32, 64), device)
                      for device in ('cpu', 'meta'))
    assert real == meta and real.macs > 0


def test_layers_by_hand():

    class Net(nn.Module):

        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(3))
            self.features = nn.Sequential(
                nn.Conv2d(4, 6, 3, padding=1, groups=2, bias=False),
                nn.BatchNorm2d(6), nn.Conv2d(6, 6, 3, stride=2, groups=6),
                nn.ConvTranspose2d(6, 2, 2, stride=2))
            self.shared = nn.Linear(5, 7)
            self.frozen = nn.Linear(2, 2).requires_grad_(False)
            self.tied = nn.Linear(5, 7)
            self.tied.weight = self.shared.weight

        def forward(self, x):
            # A layer that is called twice works twice.
            self.shared(torch.zeros(1, 10, 5))
            self.shared(torch.zeros(1, 5))
            return self.features(x)

    net = Net().eval()
    size = measure(net, lambda: net(torch.zeros(1, 4, 5, 5)))
    rows = {row.name: row for row in size}
    assert rows['features.0'].macs == 5 * 5 * 6 * 9 * 2
    assert rows['features.2'].macs == 2 * 2 * 6 * 9
    assert rows['features.3'].macs == 2 * 2 * 6 * 4 * 2
    assert rows['shared'].macs == 11 * 5 * 7 and rows['shared'].calls == 2
    assert [n for n, r in rows.items() if r.depthwise] == ['features.2']
    assert size.parameters == sum(p.numel() for p in net.parameters()
                                  if p.requires_grad)
    assert rows[''].parameters == 3 and rows['frozen'].parameters == 0
    # What is shared counts once.
    assert rows['tied'].parameters == 7
    assert size.statistics == 12
    assert not net.features[0]._forward_hooks
    assert size.of('features').parameters == sum(
        p.numel() for p in net.features.parameters())


def test_hooks_are_gone_after_an_error():
    net = nn.Sequential(nn.Conv2d(3, 4, 1))
    with pytest.raises(RuntimeError):
        measure(net, lambda: net(torch.zeros(1, 2, 5, 5)))
    assert not net[0]._forward_hooks


@pytest.mark.parametrize('pipeline, message', [
    ([], 'resizes to no fixed size'),
    ([dict(type='Resize', scale=(9, 5), keep_ratio=True)
      ], r'keep their ratio within \(9, 5\)'),
])
def test_sizes_that_are_not_known(tool, pipeline, message):
    cfg = dict(test_dataloader=dict(dataset=dict(pipeline=pipeline)))
    with pytest.raises(ConfigError, match=message + '.*--shape'):
        tool.input_shape(cfg)


@pytest.mark.parametrize('shape', [(0, 64), (64, -1)])
def test_shapes_are_pixels(tool, repo, monkeypatch, capsys, shape):
    config = repo / 'configs/fine_grained/shuffledet_x05_kitti_tiny.py'
    monkeypatch.setattr(
        'sys.argv',
        ['model_size.py',
         str(config), '--shape', *map(str, shape)])
    with pytest.raises(SystemExit):
        tool.main()
    assert 'expected pixels, 1 or more' in capsys.readouterr().err


def test_command(repo, run_python):
    done = run_python(
        repo / 'tools/analysis_tools/model_size.py',
        repo / 'configs/fine_grained/shuffledet_x05_kitti_tiny.py',
        '--per-layer', '--shape', 33, 64)
    lines = [line.split() for line in done.stdout.splitlines() if line]
    layers = [row for row in lines if row[0].startswith('backbone.')]
    macs = [int(row[3].replace(',', '')) for row in layers]
    # 33 rows are padded to 48; the stem is the first layer.
    assert layers[0][:2] == ['backbone.conv1.conv', 'Conv2d']
    assert macs[0] == 48 * 64 * 12 * 27 and layers[0][4] == '12x48x64'
    (total, ) = (row for row in lines if row[0] == 'backbone')
    assert int(total[3].replace(',', '')) == sum(macs)
    assert 'not run' not in done.stdout
