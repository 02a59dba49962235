"""The contenders of the benchmark compute the same."""
import pytest

from tests.helpers.stacks import needs

needs('mmrazor')


@pytest.fixture
def tool(repo, monkeypatch):
    monkeypatch.syspath_prepend(str(repo / 'benchmarks'))
    import losses
    monkeypatch.setattr(losses, 'SIZES', [(13, 21), (7, 11)])
    monkeypatch.setattr(losses, 'STRIDES', (64, 128))
    monkeypatch.setattr(losses, 'CHANNELS', 8)
    monkeypatch.setattr(losses, 'PICTURES', 2)
    return losses


@pytest.mark.parametrize(
    'name', ['MSE', 'CWD', 'PKD', 'Attention', 'KL', 'MGD', 'mask'])
def test_contenders_agree(tool, name):
    low, median, high = sorted(tool.compare(name, rounds=3))
    assert 0 < low <= median <= high


def test_all_are_compared(tool, capsys, monkeypatch):
    monkeypatch.setattr('sys.argv', ['losses.py', '--rounds', '2'])
    tool.main()
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 2 + len(tool.pairs()) + 1
