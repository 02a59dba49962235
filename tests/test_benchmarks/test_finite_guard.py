import pytest


@pytest.mark.slow
def test_it_measures_all_three(repo, monkeypatch):
    monkeypatch.syspath_prepend(str(repo / 'benchmarks'))
    import finite_guard
    found = finite_guard.measure(size=64, rounds=2)
    assert list(found) == ['step', 'save', 'load']
    for median, low, high in found.values():
        assert 0 < low <= median <= high
