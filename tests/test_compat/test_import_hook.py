import sys
from types import ModuleType

from mmxkd.compat.import_hook import after_import, replace


def test_called_once_after_the_module_ran(tmp_path, monkeypatch):
    (tmp_path / 'late_module.py').write_text('value = 1\n')
    monkeypatch.syspath_prepend(tmp_path)
    seen = []
    after_import('late_module', lambda module: seen.append(module.value))
    assert seen == []
    import late_module
    assert seen == [1]
    del sys.modules['late_module']
    import late_module  # noqa: F811
    assert seen == [1]
    assert late_module.__spec__.loader.get_source('late_module')


def test_names_imported_later_are_the_repaired_ones(tmp_path, monkeypatch):
    package = tmp_path / 'late_package'
    package.mkdir()
    (package / '__init__.py').write_text('from .user import answer\n')
    (package / 'maker.py').write_text('def make():\n    return 1\n')
    (package
     / 'user.py').write_text('from .maker import make\nanswer = make()\n')
    monkeypatch.syspath_prepend(tmp_path)

    def repair(module):
        module.make = lambda: 2

    after_import('late_package.maker', repair)
    import late_package
    assert late_package.answer == 2


def test_called_at_once_when_the_module_is_there():
    seen = []
    after_import('sys', seen.append)
    assert seen == [sys]


def test_replaced_where_it_was_imported_by_name(monkeypatch):
    maker, user, other = map(ModuleType, ('maker', 'user', 'other'))
    stock = maker.make = user.make = lambda: 1
    # Of the same name and of no concern, and not a module at all.
    own = other.make = lambda: 3
    for module in (maker, user, other):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(sys.modules, 'nothing', None)
    replace(maker, 'make', lambda: 2)
    assert (maker.make(), user.make(), other.make()) == (2, 2, 3)
    assert other.make is own and stock() == 1


def test_scripts_may_import_upstream_first(run_python):
    """As sorted imports do; each name is a function that is repaired."""
    done = run_python(
        '-c', 'from mmdet.apis import init_detector\n'
        'from mmengine import load\n'
        'from mmengine.runner import find_latest_checkpoint\n'
        'from mmengine.runner.checkpoint import save_checkpoint\n'
        'import mmxkd\n'
        'for function in (init_detector, load, find_latest_checkpoint,\n'
        '                 save_checkpoint):\n'
        '    print(function.__code__.co_filename)')
    files = done.stdout.split()[-4:]
    assert ['mmxkd/compat' in file for file in files] == [True] * 4, files


def test_import_of_mmxkd_is_light(run_python):
    done = run_python(
        '-c', 'import sys, mmxkd\nprint(sorted({'
        'name.split(".")[0] for name in sys.modules}))')
    for heavy in ('torch', 'mmcv', 'mmdet', 'mmdet3d', 'mmrazor', 'numba'):
        assert f"'{heavy}'" not in done.stdout
