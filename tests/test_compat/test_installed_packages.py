import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError

import mmdet
import mmengine.config.config as reader
import pytest
from mmengine.config import Config
from mmengine.utils import get_installed_path, is_installed

import mmxkd  # noqa: F401


@pytest.fixture(autouse=True)
def newest_setuptools(monkeypatch):
    monkeypatch.setitem(sys.modules, 'pkg_resources', None)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Beside the installed packages: a distribution with a package of another
    name, a package of no distribution, and a namespace package."""
    info = tmp_path / 'their_name-1.0.dist-info'
    for package in (info, tmp_path / 'our_name', tmp_path / 'alone',
                    tmp_path / 'space'):
        package.mkdir()
        if package.name in ('our_name', 'alone'):
            (package / '__init__.py').touch()
    (info / 'METADATA').write_text('Name: their-name\nVersion: 1.0\n')
    (info / 'top_level.txt').write_text('our_name\n')
    monkeypatch.setattr(sys, 'path', [str(tmp_path), *sys.path])
    return tmp_path


def test_configs_ask_it():
    assert reader.is_installed is is_installed
    assert reader.get_installed_path is get_installed_path


@pytest.mark.parametrize('name, package', [('their-name', 'our_name'),
                                           ('our_name', 'our_name'),
                                           ('alone', 'alone')])
def test_where_a_package_is(folder, name, package):
    assert is_installed(name)
    assert get_installed_path(name) == str(folder / package)


def test_where_mmdet_is():
    assert [get_installed_path('mmdet')] == mmdet.__path__


@pytest.mark.parametrize('name', ['space', 'nowhere', 'not-even-a-name'])
def test_no_such_package(folder, name):
    assert not is_installed(name)
    with pytest.raises(PackageNotFoundError, match=name):
        get_installed_path(name)


def test_configs_of_a_package_are_read_side_by_side(tmp_path, recwarn):
    path = tmp_path / 'config.py'
    path.write_text("_base_ = 'mmdet::_base_/schedules/schedule_2x.py'")
    with ThreadPoolExecutor(4) as pool:
        found = [*pool.map(Config.fromfile, [path] * 12)]
    assert [cfg.train_cfg.max_epochs for cfg in found] == [24] * 12
    assert not recwarn.list
