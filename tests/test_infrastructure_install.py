"""What ``tools/install.sh`` refuses, does, and does not do twice."""
import shutil
import subprocess
import time
from importlib.metadata import version

import pytest

from mmxkd.compat import stacks
from tests.helpers.stand_in_commands import fake_environment

# What decides what is installed.
FILES = ('tools/install.sh', 'setup.py', 'pyproject.toml', 'mmxkd/version.py',
         'mmxkd/compat/stacks.py')

# This interpreter, but for pip, which notes what it is asked for, and for
# imports that take seconds.
PYTHON = '''
case "$*" in
*'-m pip '*)
    echo "$*" >>"$PIP_LOG"
    exit ${PIP_STATUS:-0} ;;
*'import mmcv.ops'* | *mmcv._ext* | *'import cv2, mmcv.ops'*) exit 0 ;;
esac
exec {python} "$@"'''


class Installer:
    """A copy of the installer in an environment where pip installs nothing."""

    def __init__(self, repo, folder) -> None:
        self.root, self.log = folder / 'checkout', folder / 'pip.log'
        self.environment = dict(fake_environment(folder / 'venv', PYTHON),
                                PIP_LOG=str(self.log))
        requirements = (repo / 'requirements').glob('*.txt')
        for path in [repo / name for name in FILES] + list(requirements):
            copy = self.root / path.relative_to(repo)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)

    def run(self, *arguments, check=True, **environment):
        """Output of the installer, and the calls of pip."""
        self.log.write_text('')
        done = subprocess.run(
            ['bash', self.root / 'tools/install.sh', *arguments],
            capture_output=True, text=True, timeout=300,
            env={**self.environment, **environment})
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done, self.log.read_text()


@pytest.fixture
def installer(repo, tmp_path) -> Installer:
    return Installer(repo, tmp_path)


def test_second_run_does_nothing(installer):
    done, calls = installer.run()
    assert 'requirements/runtime.txt' in calls and '-e .' in calls
    assert 'Installed in' in done.stdout
    begin = time.monotonic()
    done, calls = installer.run()
    assert time.monotonic() - begin < 10
    assert calls == ''
    assert 'Nothing has changed' in done.stdout
    assert f'torch {version("torch")}' in done.stdout
    for name, number in stacks.installed_versions().items():
        assert f'{name} {number}, ' in done.stdout
    assert '-e .' in installer.run('--force')[1]


@pytest.mark.parametrize(
    'name',
    [*FILES, 'requirements/constraints_onedl.txt', 'requirements/mmrazor.txt'])
def test_changed_file_installs_again(installer, name):
    installer.run()
    with open(installer.root / name, 'a') as file:
        file.write('\n# changed\n')
    assert '-e .' in installer.run()[1]
    assert installer.run()[1] == ''


def test_changed_packages_install_again(installer, tmp_path):
    installer.run()
    info = tmp_path / 'site/torch-99.0.dist-info/METADATA'
    info.parent.mkdir(parents=True)
    info.write_text('Metadata-Version: 2.1\nName: torch\nVersion: 99.0\n')
    done, calls = installer.run(PYTHONPATH=str(tmp_path / 'site'))
    assert '-e .' in calls and 'torch 99.0' in done.stdout
    assert installer.run(PYTHONPATH=str(tmp_path / 'site'))[1] == ''
    assert '-e .' in installer.run()[1]


def test_extras_add_up(installer):
    installer.run()
    calls = installer.run('--with', 'tests')[1]
    assert 'requirements/tests.txt' in calls
    for arguments in ((), ('--with', 'tests')):
        assert installer.run(*arguments)[1] == ''
    calls = installer.run('--with', 'lint')[1]
    assert 'requirements/lint.txt' in calls
    # An upgrade for the new one may not break the old one.
    assert 'requirements/tests.txt' in calls
    assert installer.run('--with', 'lint,tests')[1] == ''


def test_failed_installation_is_not_taken_for_done(installer):
    installer.run()
    done, _ = installer.run('--force', PIP_STATUS='1', check=False)
    assert done.returncode == 1 and 'failed' in done.stderr
    assert '-e .' in installer.run()[1]


@pytest.mark.parametrize('arguments, message', [
    (['--with', 'tests,nothing'], "unknown extra 'nothing'"),
    (['--wiht', 'tests'], "unknown option '--wiht'"),
])
def test_install_refuses_what_it_does_not_know(repo, arguments, message):
    done = subprocess.run(['bash', repo / 'tools/install.sh', *arguments],
                          capture_output=True, text=True)
    assert done.returncode == 1 and message in done.stderr


def install_with_python(repo, folder, number: str):
    """Run the installer with another ``sys.version_info``.

    mmcv is not found and neither is a compiler, so that nothing is installed.
    """
    # The check reads its code from stdin; what follows is run with -c.
    environment = fake_environment(
        folder, f'''
case "$2" in *mmcv*) exit 1 ;; esac
[ "$1" = - ] || exec {{python}} "$@"
(echo "import sys; sys.version_info = ({number.replace('.', ',')})"
 echo "sys.version = '{number} x'"
 cat) | exec {{python}} "$@"''')
    return subprocess.run(['bash', repo / 'tools/install.sh'],
                          capture_output=True, text=True,
                          env=dict(environment, CXX='no-such-compiler'))


@pytest.mark.parametrize('number', ['3.8.0', '3.10.13'])
def test_install_names_a_wrong_python(repo, tmp_path, number):
    done = install_with_python(repo, tmp_path, number)
    assert done.returncode == 1
    assert number in done.stderr and 'needs 3.11' in done.stderr
    assert 'compiler' not in done.stderr


def test_install_warns_of_an_untested_python(repo, tmp_path):
    done = install_with_python(repo, tmp_path, '3.12.1')
    assert 'Python 3.12.1 is not tested, 3.11 is' in done.stderr
    assert 'compiler' in done.stderr  # it has gone on


def test_install_names_a_missing_compiler(repo, tmp_path):
    # An environment without mmcv, hence one that needs a compiler.
    done = install_with_python(repo, tmp_path, '3.11.7')
    assert done.returncode == 1
    assert "no C++ compiler ('no-such-compiler')" in done.stderr
    assert 'not tested' not in done.stderr
