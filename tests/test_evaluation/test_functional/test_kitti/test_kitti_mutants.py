"""The golden curves notice when a rule of KITTI's evaluation is broken."""
import pytest

from tests.helpers import kitti_mutants


def test_there_is_a_mutant_for_each_rule():
    assert len(kitti_mutants.MUTANTS) == 21
    for name in kitti_mutants.MUTANTS:
        assert kitti_mutants.source(name)


@pytest.mark.slow
@pytest.mark.parametrize('name', kitti_mutants.MUTANTS)
def test_each_mutant_is_killed(name):
    assert kitti_mutants.is_killed(name)


def test_the_package_itself_survives(monkeypatch):
    file, old, _ = next(iter(kitti_mutants.MUTANTS.values()))
    monkeypatch.setitem(kitti_mutants.MUTANTS, 'none', (file, old, old))
    assert not kitti_mutants.is_killed('none')
