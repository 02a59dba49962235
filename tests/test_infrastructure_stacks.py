"""``tools/install.sh`` in environments that are somebody's own."""
import shutil
import subprocess
import sys
import sysconfig

import pytest

from tests.helpers.stand_in_commands import write_command

ONEDL = dict(mmengine='0.10.12', mmcv='2.3.6', mmdet='3.5.1')
OPENMMLAB = dict(mmengine='0.10.7', mmcv='2.1.0', mmdet='3.3.0')

# A python that has the packages of $SITE alone; its pip notes what it is
# asked for, and the constraints as they are then. Imports that would fail
# are answered by hand.
PYTHON = '''
case "$*" in
*'-check check') exit 0 ;;
*'-m pip '*)
    echo "$*" >>"$SITE/pip.log"
    echo "$CFLAGS" >>"$SITE/cflags"
    cp "$VIRTUAL_ENV/mmxkd-constraints.txt" "$SITE/constraints"
    cp "$VIRTUAL_ENV/mmxkd-requirements.txt" "$SITE/requirements"
    exit ;;
*find_spec*torch* | *'import cv2'* | *'import setuptools'*) exit 0 ;;
*mmcv._ext* | *'import mmcv.ops'*) [ -d "$SITE/mmcv" ]; exit ;;
esac
PYTHONPATH=$SITE exec {python} -S "$@"'''


class Environment:
    """An environment with the packages that a test puts there."""

    def __init__(self, repo, folder) -> None:
        self.site, self.root = folder / 'site', folder / 'checkout'
        self.site.mkdir()
        # What is asked of pip is not done, but the installer reads versions
        # with a part of it.
        import pip
        shutil.copytree(pip.__path__[0], self.site / 'pip',
                        ignore=shutil.ignore_patterns('__pycache__'))
        for name in ('tools/install.sh', 'mmxkd/compat/stacks.py', 'setup.py',
                     'pyproject.toml', 'mmxkd/version.py'):
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(repo / name, self.root / name)
        shutil.copytree(repo / 'requirements', self.root / 'requirements')
        self.venv = folder / 'venv'
        write_command(self.venv / 'bin/python',
                      PYTHON.replace('{python}', sys.executable))

    def put(self, distribution: str, version: str, module: str = '') -> None:
        """Lay down a package; ``module`` is the name of its import."""
        info = self.site / f'{distribution}-{version}.dist-info/METADATA'
        info.parent.mkdir()
        info.write_text('Metadata-Version: 2.1\n'
                        f'Name: {distribution}\nVersion: {version}\n')
        if module:
            folder = self.site / module
            folder.mkdir()
            (folder / '__init__.py').write_text('raise ImportError\n')
            (folder / 'version.py').write_text(f"__version__ = '{version}'\n")

    def put_stack(self, versions: dict, prefix: str = 'fork-of-') -> None:
        for name, version in versions.items():
            self.put(prefix + name, version, name)

    def install(self, *arguments, **variables):
        """The finished process; pip's calls, constraints and requirements."""
        log = self.site / 'pip.log'
        log.unlink(missing_ok=True)
        done = subprocess.run(
            ['bash', self.root / 'tools/install.sh', *arguments], text=True,
            capture_output=True, stdin=subprocess.DEVNULL, timeout=300,
            env=dict(VIRTUAL_ENV=str(self.venv), SITE=str(self.site),
                     PATH='/usr/bin:/bin', CXX='true', **variables))
        if not log.exists():
            return done, '', [], []
        assert done.returncode == 0, done.stdout + done.stderr
        return (done, log.read_text(),
                *((self.site / name).read_text().split('\n')
                  for name in ('constraints', 'requirements')))


@pytest.fixture
def environment(repo, tmp_path) -> Environment:
    return Environment(repo, tmp_path)


@pytest.mark.parametrize('stack, versions', [('onedl', ONEDL),
                                             ('openmmlab', OPENMMLAB)])
def test_what_is_there_stays_as_it_is(environment, stack, versions):
    """Under whatever name its distributions have."""
    environment.put_stack(versions)
    environment.put('numpy', '2.4.6')
    environment.put('torch', '2.9.1+cu128')
    environment.put('ruff', '0.1')
    done, calls, constraints, requirements = environment.install()
    assert f'the stack {stack}: mmengine {versions["mmengine"]}' in done.stdout
    for pin in ('numpy==2.4.6', 'torch==2.9.1+cu128', 'ruff==0.1',
                f'fork-of-mmdet=={versions["mmdet"]}'):
        assert pin in constraints
    # No pin of the stack contradicts one of these.
    assert not {'numpy', 'torch', 'ruff'} & {
        line.split('==')[0] for line in constraints
        if line not in ('numpy==2.4.6', 'torch==2.9.1+cu128', 'ruff==0.1')
    }
    assert not any('mm' in line for line in requirements)
    assert ' -e .' in calls and 'upgrade' not in calls
    assert 'force-reinstall' not in calls


@pytest.mark.parametrize('stack, versions', [('onedl', OPENMMLAB),
                                             ('openmmlab', ONEDL)])
def test_no_stack_is_written_over_the_other(environment, stack, versions):
    environment.put_stack(versions)
    done, calls, *_ = environment.install('--stack', stack, '--replace')
    assert done.returncode == 1 and calls == ''
    assert 'Nothing was changed' in done.stderr
    assert 'the same import names' in done.stderr


def test_packages_of_two_stacks_are_refused(environment):
    environment.put_stack({**ONEDL, 'mmcv': '2.1.0'})
    done, calls, *_ = environment.install()
    assert done.returncode == 1 and calls == ''
    assert 'mmcv 2.1.0: of openmmlab' in done.stderr
    assert 'mmdet 3.5.1: of onedl' in done.stderr


def test_a_release_of_no_stack_is_refused(environment):
    environment.put_stack({**OPENMMLAB, 'mmcv': '2.2.0'})
    done, calls, *_ = environment.install()
    assert done.returncode == 1 and calls == ''
    assert 'mmcv 2.2.0: of neither stack' in done.stderr
    assert 'mmcv >= 2.0.0, < 2.2.0' in done.stderr


def test_it_asks_before_it_replaces(environment):
    environment.put('numpy', '2.4.6')
    environment.put('opencv-python', '4.12.0.88')
    environment.put('tensorboard', '2.0')
    done, calls, *_ = environment.install('--stack', 'openmmlab')
    assert done.returncode == 1 and calls == ''
    assert 'numpy 2.4.6 (the stack needs ==1.26.4)' in done.stdout
    assert 'opencv-python 4.12.0.88 (the stack needs <4.12)' in done.stdout
    assert 'tensorboard' not in done.stdout
    assert 'nothing was changed' in done.stderr

    # With numpy 2 the other stack works: nothing to ask.
    environment.put('onedl-mmengine', '0.10.12', 'mmengine')
    shutil.rmtree(environment.site / 'numpy-2.4.6.dist-info')
    environment.put('numpy', '2.2.6')
    environment.put('onedl-mmcv-cu128-torch2-9', '2.3.1', 'mmcv')
    _, calls, constraints, requirements = environment.install()
    assert 'onedl-mmdetection<3.6,>=3.5.1' in requirements
    assert not any('mmcv' in line or 'mmengine' in line
                   for line in requirements)
    assert 'numpy==2.2.6' in constraints
    assert 'opencv-python==4.12.0.88' in constraints


def test_mmcv_is_built_without_debug_information(environment):
    """After Python's own flags, and before those of the user."""
    environment.install('--stack', 'openmmlab', CFLAGS='-march=native')
    calls = (environment.site / 'pip.log').read_text().splitlines()
    flags = (environment.site / 'cflags').read_text().splitlines()
    built = [
        f for call, f in zip(calls, flags, strict=True)
        if call.endswith(' mmcv==2.1.0')
    ]
    own = sysconfig.get_config_var('CFLAGS')
    assert set(built) == {f'{own} -g0 -march=native'}


def test_replacing_is_an_answer_too(environment):
    environment.put_stack(dict(mmengine='0.10.7', mmcv='2.1.0'))
    environment.put('numpy', '2.4.6')
    _, _, constraints, _ = environment.install('--replace')
    assert 'numpy==1.26.4' in constraints
    assert 'numpy==2.4.6' not in constraints


@pytest.mark.parametrize('extra', ['mmrazor', 'mmdet3d'])
def test_extras_of_the_other_stack_are_refused(environment, extra):
    done, calls, *_ = environment.install('--stack', 'onedl', '--with', extra)
    assert done.returncode == 1 and calls == ''
    assert f'the stack onedl does not have {extra}' in done.stderr


def test_an_unknown_stack_is_refused(environment):
    done, *_ = environment.install('--stack', 'mmlab')
    assert done.returncode == 1
    assert "unknown stack 'mmlab'; known: openmmlab, onedl" in done.stderr
