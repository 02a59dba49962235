import sys

from mmxkd.compat.import_hook import after_import


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


def test_import_of_mmxkd_is_light(run_python):
    done = run_python(
        '-c', 'import sys, mmxkd\nprint(sorted({'
        'name.split(".")[0] for name in sys.modules}))')
    for heavy in ('torch', 'mmcv', 'mmdet', 'mmdet3d', 'mmrazor', 'numba'):
        assert f"'{heavy}'" not in done.stdout
