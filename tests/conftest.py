"""Fixtures that several tests share."""
import gc
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.warm_start import run_script

REPO = Path(__file__).resolve().parents[1]
# Tests run on the CPU, also where there is a GPU: they compare bits, and with
# two processes. `CUDA_VISIBLE_DEVICES=0 pytest tests/test_cuda.py` is for it.
os.environ.setdefault('CUDA_VISIBLE_DEVICES', '')
# Ranks are forked: a child of a process that has used threads of OpenMP waits
# for them for ever.
os.environ.setdefault('OMP_NUM_THREADS', '1')


def pytest_collection_finish() -> None:
    """What is there before the first test stays: the collector of garbage,
    which mmengine calls for each dataset, need not look through it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope='session')
def repo() -> Path:
    """Root of the repository."""
    return REPO


@pytest.fixture(scope='session')
def shared_data() -> Path:
    """Real and golden data that lie beside the checkout, when they do."""
    path = REPO / '../shared/data'
    if not path.is_dir():
        pytest.skip(f'no real data at {path}: it is not part of the package')
    return path.resolve()


@pytest.fixture(scope='session')
def mono_golden(shared_data) -> Path:
    """Folder of the golden numbers of monocular detectors.

    It is not in their own room: on a stack without mmdet3d that is not even
    imported.
    """
    return shared_data / 'monommkd_golden'


@pytest.fixture(scope='session')
def run_python():
    """Run ``python ARGS`` in a new process, with the checkout importable.

    A command of ``tools/`` is a fork of a process that has imported PyTorch
    and mmdet, unless it is given variables of its own, which are there from
    the start of a new interpreter.

    Returns the :class:`subprocess.CompletedProcess`; fails the test when
    ``check`` is set and the exit code is not 0.
    """

    def run(*args, check=True, timeout=300, cwd=REPO, **environment):
        env = dict(os.environ, OMP_NUM_THREADS='1', **environment)
        env['PYTHONPATH'] = os.pathsep.join(
            [str(REPO)] + env.get('PYTHONPATH', '').split(os.pathsep))
        script = Path(REPO, args[0])
        if script.is_relative_to(REPO / 'tools') and not environment:
            done = run_script(script, *args[1:], environment=env, cwd=cwd,
                              timeout=timeout)
        else:
            done = subprocess.run([sys.executable, *map(str, args)], env=env,
                                  cwd=cwd, capture_output=True, text=True,
                                  timeout=timeout)
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def free_port() -> str:
    """A TCP port of this machine that nobody listens to."""
    with socket.socket() as probe:
        probe.bind(('localhost', 0))
        return str(probe.getsockname()[1])


@pytest.fixture(scope='module', autouse=True)
def no_scope_is_left_to_the_next_file():
    """A fixture of a whole file may run a runner, which sets a scope."""
    from mmengine.registry import DefaultScope
    scopes = DefaultScope._instance_dict.copy()
    yield
    DefaultScope._instance_dict.clear()
    DefaultScope._instance_dict.update(scopes)


@pytest.fixture(autouse=True)
def nothing_global_is_left_behind():
    """Forget what a runner of a test has set for the whole process.

    Bare type names of the next test would be looked up in its scope, and
    schedules would see how far it came.
    """
    from mmengine.logging import MessageHub
    from mmengine.registry import DefaultScope
    scopes = DefaultScope._instance_dict.copy()
    # Also that of a runner which a fixture of a whole file has made.
    MessageHub._instance_dict.clear()
    yield
    MessageHub._instance_dict.clear()
    DefaultScope._instance_dict.clear()
    DefaultScope._instance_dict.update(scopes)


@pytest.fixture
def mmdet_scope() -> None:
    """Names without a scope are mmdet's in this test."""
    from mmengine.registry import init_default_scope
    init_default_scope('mmdet')
