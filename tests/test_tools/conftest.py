"""Runs of tools/ on the tiny data and configs of tests/helpers/."""
import os
import subprocess
import sys

import pytest

REPO = os.path.abspath(os.path.join(os.path.dirname(__file__), '../..'))


@pytest.fixture(scope='session')
def tool(run_python):
    """Run ``tools/NAME ARGS`` in a process of its own; return it when it
    ended. See ``run_python``; a ``.sh`` is run by bash.

    The test fails when the exit code is not ``code``.
    """

    def run(name, *args, code=0, **environment):
        path = os.path.join(REPO, 'tools', name)
        if name.endswith('.py'):
            done = run_python(path, *args, check=False, **environment)
        else:
            env = dict(os.environ, OMP_NUM_THREADS='1', **environment)
            env['PYTHONPATH'] = os.pathsep.join(
                [REPO, env.get('PYTHONPATH', '')])
            env['PATH'] = os.pathsep.join(
                [os.path.dirname(sys.executable), env['PATH']])
            done = subprocess.run(['bash', path, *map(str, args)], env=env,
                                  cwd=REPO, capture_output=True, text=True,
                                  timeout=300)
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return run


@pytest.fixture(scope='session')
def tiny(tmp_path_factory):
    """Folder with ``data/`` and ``tiny.py``, a config of one epoch."""
    from tests.helpers.tiny_run import write_config, write_data
    root = tmp_path_factory.mktemp('tiny')
    write_data(root / 'data')
    write_config(root / 'tiny.py', root / 'data', epochs=1)
    return root


@pytest.fixture(scope='session')
def distilled(tmp_path_factory):
    """Folder and config of a finished distillation.

    The run is in ``reference/``, its teacher in ``teacher/``, the config of
    the plain student in ``tiny.py``.
    """
    from tests.helpers import resume_kill
    root = tmp_path_factory.mktemp('distilled')
    config = resume_kill.prepare(root, distilled=True)
    assert resume_kill.train(
        config, root / 'reference') == 0, (root / 'reference.log').read_text()
    return root, config
