"""The golden curves notice when a rule of KITTI's evaluation is broken."""
import mutants_kitti
import pytest


def test_there_is_a_mutant_for_each_rule():
    assert len(mutants_kitti.MUTANTS) == 21
    for name in mutants_kitti.MUTANTS:
        assert mutants_kitti.source(name)


@pytest.mark.slow
@pytest.mark.parametrize('name', mutants_kitti.MUTANTS)
def test_each_mutant_is_killed(name):
    assert mutants_kitti.is_killed(name)


def test_the_package_itself_survives(monkeypatch):
    file, old, _ = next(iter(mutants_kitti.MUTANTS.values()))
    monkeypatch.setitem(mutants_kitti.MUTANTS, 'none', (file, old, old))
    assert not mutants_kitti.is_killed('none')
