"""The test script, what runs it, and the Python that it all names."""
import re
import shutil
import subprocess
import sys
import tomllib

import pytest
import yaml

from mmxkd.compat import stacks
from tests.helpers.stand_in_commands import write_command

PYTHON = '3.11'


def load_yaml(path) -> dict:
    return yaml.safe_load(path.read_text())


@pytest.fixture
def run_script(repo, tmp_path):
    """Run a copy of ``tests/run.sh``; its commands only note their names."""
    log = tmp_path / 'log'
    note = f'echo "$(basename "$0") $*" >>"{log}"'
    (tmp_path / 'tests').mkdir()
    shutil.copy(repo / 'tests/run.sh', tmp_path / 'tests')
    write_command(tmp_path / 'tools/install.sh', note)
    for name in ('ruff', 'yapf', 'codespell', 'mypy', 'python'):
        write_command(tmp_path / 'bin' / name,
                      f'{note}\n[ "$FAILS" != {name} ] || exit 3')

    def run(*arguments, **environment):
        log.write_text('')
        done = subprocess.run(['bash', tmp_path / 'tests/run.sh', *arguments],
                              text=True,
                              env=dict(PATH=f'{tmp_path}/bin:/usr/bin:/bin',
                                       VIRTUAL_ENV=str(tmp_path),
                                       **environment))
        return done.returncode, log.read_text().splitlines()

    return run


def test_run_installs_lints_and_tests(run_script):
    status, (install, *lints, pytest_) = run_script()
    assert status == 0
    assert install == ('install.sh --stack openmmlab '
                       '--with tests,lint,mmrazor,mmdet3d,track,compress')
    assert 'ruff check .' in lints and 'mypy ' in lints
    assert pytest_.startswith('python -m pytest tests ')
    assert 'coverage' not in pytest_


def test_run_on_the_other_stack(run_script):
    status, (install, *_, pytest_) = run_script('--stack', 'onedl', '-k', 'a')
    assert status == 0
    assert install == ('install.sh --stack onedl '
                       '--with tests,lint,track,compress')
    assert 'stack' not in pytest_ and pytest_.endswith(' -k a')
    assert run_script('--stack', 'onedel') == (2, [])


def test_run_without_installation_passes_options_on(run_script):
    for arguments in (('--no-install', '-k', 'a or b'), ('-k', 'a or b',
                                                         '--no-install')):
        status, calls = run_script(*arguments)
        assert status == 0
        assert not any('install' in call for call in calls)
        assert calls[-1].endswith(' -k a or b')


def test_run_measures_coverage_in_ci(run_script):
    pytest_ = run_script(CI='true')[1][-1]
    assert ' -p tests.helpers.line_coverage' in pytest_


@pytest.mark.parametrize('options', [(), ('-n', '2')])
def test_coverage_names_what_no_test_ran(repo, tmp_path, options):
    files = {
        'mmxkd/__init__.py': '',
        'mmxkd/never.py': 'a = 1\nb = 2\n',
        'mmxkd/part.py': '''"""A docstring."""
from __future__ import annotations


def half(number):
    """Half of an even number."""
    if number % 2:
        print('odd')
        raise ValueError(number)
    return number // 2


def unused():
    return half.__doc__
''',
        'tests/__init__.py': '',
        'tests/helpers/__init__.py': '',
        'tests/test_two.py': 'from mmxkd.part import half\n\n\n'
        'def test_two():\n    assert half(4) == 2\n\n\n'
        'def test_doc():\n    assert half.__doc__.startswith("Half")\n',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    shutil.copy(repo / 'tests/helpers/line_coverage.py',
                tmp_path / 'tests/helpers')
    done = subprocess.run([
        sys.executable, '-m', 'pytest', '-p', 'tests.helpers.line_coverage',
        'tests', *options
    ], cwd=tmp_path, capture_output=True, text=True)
    assert '2 passed' in done.stdout, done.stdout + done.stderr
    begin = done.stdout.index('statements of mmxkd that ran')
    assert done.stdout[begin:].splitlines()[1:4] == [
        '  0.0% mmxkd/never.py: 1-2',
        ' 57.1% mmxkd/part.py: 8-9, 14',
        ' 44.4% of all 9; not all ran in 2 files',
    ]


@pytest.mark.parametrize('command', ['ruff', 'codespell', 'mypy', 'python'])
def test_run_fails_with_its_commands(run_script, command):
    status, calls = run_script(FAILS=command)
    assert status == 3 and calls[-1].startswith(command)


def test_hooks_are_the_linters_of_the_run(repo, run_script):
    """One list of linters, each installed with the extra ``lint``."""
    hooks = [
        hook for part in load_yaml(repo / '.pre-commit-config.yaml')['repos']
        for hook in part['hooks']
    ]
    commands = [hook['entry'].split()[0] for hook in hooks]
    assert commands == [call.split()[0] for call in run_script()[1][1:-1]]
    extra = (repo / 'requirements/lint.txt').read_text().split()
    assert set(commands) <= set(extra) and 'pre-commit' in extra


def test_hooks_are_valid(repo):
    pytest.importorskip('pre_commit', reason='needs the extra lint')
    done = subprocess.run([
        sys.executable, '-m', 'pre_commit', 'validate-config',
        repo / '.pre-commit-config.yaml'
    ], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_workflow_runs_the_test_script(repo):
    workflow = load_yaml(repo / '.github/workflows/test.yml')
    # YAML 1.1 reads the key `on` as true.
    assert set(workflow[True]) == {'push', 'pull_request'}
    steps = workflow['jobs']['test']['steps']
    assert steps[-1] == dict(run='bash tests/run.sh --stack ${{ '
                             'matrix.stack }}')
    matrix = workflow['jobs']['test']['strategy']['matrix']
    assert matrix == dict(stack=list(stacks.BOTH))
    python = next(step['with'] for step in steps
                  if 'setup-python' in step.get('uses', ''))
    assert python['python-version'] == PYTHON
    assert python['cache'] == 'pip'
    for pattern in python['cache-dependency-path'].split():
        assert list(repo.glob(pattern)), pattern


def test_one_python_is_named_everywhere(repo):
    setup = (repo / 'setup.py').read_text()
    assert re.findall(r"python_requires='(.+)'", setup) == [f'>={PYTHON}']
    assert re.findall(r'Python :: (\d.*)\'', setup) == [PYTHON]
    readme = (repo / 'README.md').read_text()
    assert set(re.findall(r'Python (3\.\d+)', readme)) == {PYTHON}
    installer = (repo / 'tools/install.sh').read_text()
    assert set(re.findall(r'(?i)python ?(3\.\d+)', installer)) == {PYTHON}
    with open(repo / 'pyproject.toml', 'rb') as file:
        target = tomllib.load(file)['tool']['ruff']['target-version']
    assert target == 'py' + PYTHON.replace('.', '')
