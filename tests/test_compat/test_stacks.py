import sys
import warnings

import pytest

import mmxkd  # noqa: F401
from mmxkd import compat
from mmxkd.compat import stacks

OPENMMLAB = dict(mmengine='0.10.7', mmcv='2.1.0', mmdet='3.3.0')
ONEDL = dict(mmengine='0.10.12', mmcv='2.3.6', mmdet='3.5.1')


@pytest.mark.parametrize('versions, stack', [
    (OPENMMLAB, 'openmmlab'),
    (ONEDL, 'onedl'),
    (dict(OPENMMLAB, mmcv='2.0.0rc4'), 'openmmlab'),
    (dict(ONEDL, mmcv='2.3.1+cu128'), 'onedl'),
    (dict(mmdet='3.3.0'), 'openmmlab'),
    (dict(OPENMMLAB, mmcv='2.2.0'), None),
    (dict(OPENMMLAB, mmengine='0.11.0rc0'), None),
    (dict(OPENMMLAB, mmengine='unknown'), None),
    (dict(ONEDL, mmdet='3.3.0'), None),
    ({}, None),
])
def test_versions_tell_the_stack(versions, stack):
    assert stacks.stack_of(versions) == stack


def test_what_is_installed_is_of_one_stack():
    import mmcv
    import mmdet
    import mmengine
    versions = stacks.installed_versions()
    assert versions == {
        package.__name__: package.__version__
        for package in (mmengine, mmcv, mmdet)
    }
    assert stacks.stack_of(versions) in stacks.BOTH


def test_versions_are_found_without_an_import(run_python):
    code = '''
import sys
from mmxkd.compat.stacks import installed_versions
print(installed_versions(), [n for n in sys.modules if n.startswith("mm")
                             and not n.startswith(("mmxkd", "mmap"))])'''
    done = run_python('-c', code)
    assert done.stdout == f'{stacks.installed_versions()} []\n'


def test_every_repair_says_which_stack_needs_it():
    for repair in compat.REPAIRS:
        assert set(repair.STACKS) <= set(stacks.BOTH)
        assert repair.STACKS, repair.__name__
        assert '\nVersions: ' in repair.__doc__, repair.__name__
    names = [repair.__name__.rpartition('.')[2] for repair in compat.REPAIRS]
    assert len(set(names)) == len(names)


def applied(monkeypatch, versions) -> set[str]:
    """The repairs that ``import mmxkd`` applies with these versions."""
    made = set()
    for repair in compat.REPAIRS:
        monkeypatch.setattr(repair, 'apply',
                            lambda name=repair.__name__: made.add(name))
    monkeypatch.setattr(compat, '_applied', False)
    monkeypatch.setattr(stacks, 'installed_versions', lambda: versions)
    compat.apply()
    compat.apply()
    return {name.rpartition('.')[2] for name in made}


def test_only_what_the_stack_needs_is_applied(monkeypatch):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        here = applied(monkeypatch, OPENMMLAB)
        there = applied(monkeypatch, ONEDL)
    assert here - there == {
        'installed_packages', 'mmrazor_import', 'remote_checkpoints'
    }
    assert there - here == {'quiet_import', 'safe_load'}
    assert {'checkpoint_io', 'meta_config', 'yaml_files'} <= here & there


def test_of_no_stack_all_are_applied_and_it_is_said(monkeypatch):
    with pytest.warns(UserWarning, match='mmdet 3.3.0: of openmmlab'):
        made = applied(monkeypatch, dict(ONEDL, mmdet='3.3.0'))
    assert len(made) == len(compat.REPAIRS)


def test_a_forbidden_import_is_none_that_is_there(monkeypatch):
    monkeypatch.setitem(sys.modules, 'mmdet', None)
    assert 'mmdet' not in stacks.installed_versions()
