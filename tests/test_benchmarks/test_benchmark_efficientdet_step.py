"""What the benchmark of EfficientDet-D2 compares; effdet is not needed."""
import sys

import pytest
import torch
from torch import nn


@pytest.fixture
def effdet_network(repo, monkeypatch):
    monkeypatch.syspath_prepend(str(repo / 'benchmarks'))
    import effdet_network
    return effdet_network


@pytest.fixture
def tool(effdet_network):
    import efficientdet_step
    from mmdet.utils import register_all_modules
    register_all_modules(init_default_scope=False)
    return efficientdet_step


def test_our_side_is_the_published_network(tool):
    step = tool.ours(torch.zeros(2, 3, 128, 128))
    counts = tool.parameters(step)
    assert sum(torch.Size(shape).numel() * n
               for shape, n in counts.items()) == tool.PARAMETERS
    # The first of 23 blocks keeps its path.
    assert tool.drop_rates(step) == pytest.approx(
        [.2 * i / 23 for i in range(1, 23)], abs=1e-6)
    assert step.network.training
    sides = (16, 8, 4, 2, 1)
    assert tool.shapes(step) == [[(2, 9 * width, n, n) for n in sides]
                                 for width in (20, 4)]


def test_loss_is_the_sum_of_squares_of_all_outputs(tool):
    outputs = [
        torch.full((2, ), float(i), requires_grad=True) for i in range(1, 5)
    ]
    loss = tool.loss((outputs[:2], outputs[2:]))
    assert loss.item() == 2 * (1 + 4 + 9 + 16)
    loss.backward()
    assert [o.grad[0].item() for o in outputs] == [2, 4, 6, 8]


class Toy(nn.Module):
    """Gives one map and one number."""

    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, width, 1)

    def forward(self, x):
        x = self.conv(x)
        return [x], [x.mean()[None]]


def toy(tool, **options):
    network = Toy(**options)
    return tool.Step(network, network, torch.zeros(1, 3, 8, 8))


def test_networks_that_differ_are_not_compared(tool, monkeypatch):
    monkeypatch.setattr(tool, 'PARAMETERS', 12)
    tool.check_same(dict(a=toy(tool), b=toy(tool)))
    with pytest.raises(SystemExit, match='parameters differ'):
        tool.check_same(dict(a=toy(tool), b=toy(tool, width=4)))
    monkeypatch.setattr(tool, 'PARAMETERS', 13)
    with pytest.raises(SystemExit, match='a has 12 parameters, expected 13'):
        tool.check_same(dict(a=toy(tool), b=toy(tool)))
    dropping = toy(tool)
    monkeypatch.setattr(tool, 'drop_rates', lambda step: step is dropping)
    with pytest.raises(SystemExit, match='differ'):
        tool.check_same(dict(a=toy(tool), b=dropping))


class Allocations:
    """A step that has 3,000 numbers at once, and later 2,500."""

    def __init__(self) -> None:
        self.network = Toy()

    def __call__(self) -> None:
        first = torch.zeros(1000)
        second = torch.zeros(2000)
        del first
        third = torch.zeros(500)
        del second, third


def test_memory_is_exact(tool):
    step = Allocations()
    # The convolution has 3 × 3 weights and 3 biases.
    assert tool.peak(step) == 4 * (3000 + 12)
    step.network.register_buffer('more', torch.zeros(100))
    assert tool.peak(step) == 4 * (3000 + 12 + 100)
    real = tool.Step(step.network, step.network, torch.zeros(1, 3, 8, 8))
    assert tool.peak(real) == tool.peak(real)


def test_it_prints_both_ratios(tool, effdet_network, monkeypatch, capsys):
    """With our network on both sides, memory is the same to the byte."""

    class StandIn(nn.Module):

        def __init__(self, side, classes):
            super().__init__()
            assert (side, classes) == (128, 20)
            self.step = tool.ours(torch.zeros(1, 3, side, side))
            self.inner = self.step.network

        def forward(self, x):
            return self.step.outputs(x)

    monkeypatch.setattr(effdet_network, 'build', StandIn)
    monkeypatch.setattr('sys.argv', [
        'efficientdet_step.py', '--rounds', '2', '--batch', '2', '--side',
        '128'
    ])
    tool.main()
    first, *_, memory, time = capsys.readouterr().out.splitlines()
    assert first.startswith('8,025,849 parameters each')
    assert memory == 'memory: mmxkd ÷ effdet 1.000, bar 1.1'
    assert time.startswith('time:   mmxkd ÷ effdet ')
    assert float(time.split()[4]) > 0


def test_without_effdet_it_says_how_to_install_it(effdet_network, monkeypatch):
    monkeypatch.setitem(sys.modules, 'effdet', None)
    with pytest.raises(SystemExit) as caught:
        effdet_network.build(128, 20)
    message = str(caught.value)
    assert 'effdet is not installed' in message
    assert 'pip install --no-deps effdet==0.4.1 timm==1.0.31' in message


def test_placeholders_last_as_long_as_the_import(effdet_network, monkeypatch):
    before, there = list(sys.meta_path), object()
    monkeypatch.setitem(sys.modules, 'no_such', there)
    with effdet_network.placeholders('no_such'):
        from no_such.deep.module import Name
        assert isinstance(1, Name) is False
        assert Name.NEAREST != Name.BICUBIC
        with pytest.raises(ModuleNotFoundError, match='nor_this'):
            import nor_this  # noqa: F401
    assert sys.meta_path == before
    assert [n for n in sys.modules if n.startswith('no_such')] == ['no_such']
    assert sys.modules['no_such'] is there
