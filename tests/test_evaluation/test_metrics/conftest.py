import pytest


@pytest.fixture
def logged(monkeypatch) -> list[str]:
    """What the metrics write to the log."""
    from mmxkd.evaluation.metrics import kitti_metric
    lines: list[str] = []
    monkeypatch.setattr(kitti_metric, 'print_log',
                        lambda text, *_: lines.append(text))
    return lines
