"""What tools/slurm_*.sh ask of SLURM; an srun that prints it stands for it."""
import os
import subprocess

import pytest

ECHO = '#!/usr/bin/env bash\nprintf "%s\\n" "$@"\n'
RUN = ('--launcher', 'slurm')


@pytest.fixture
def asked(repo, tmp_path):
    """Arguments that srun is given by a script."""
    (tmp_path / 'srun').write_text(ECHO)
    (tmp_path / 'srun').chmod(0o755)

    def run(name, *arguments, **environment):
        path = f'{tmp_path}{os.pathsep}{os.environ["PATH"]}'
        done = subprocess.run(['bash', repo / 'tools' / name, *arguments],
                              env={**os.environ, **environment, 'PATH': path},
                              text=True, capture_output=True, check=True)
        return done.stdout.splitlines()

    return run


def test_training(asked, repo):
    found = asked('slurm_train.sh', 'gpu', 'my job', 'a.py', 'out',
                  '--cfg-options', 'a=1 2', GPUS='4', GPUS_PER_NODE='2',
                  SRUN_ARGS='--qos high')
    python = found.index('python')
    assert found[:python] == [
        '-p', 'gpu', '--job-name=my job', '--gres=gpu:2', '--ntasks=4',
        '--ntasks-per-node=2', '--cpus-per-task=5', '--kill-on-bad-exit=1',
        '--qos', 'high'
    ]
    assert found[python + 1:] == [
        '-u', f'{repo}/tools/train.py', *RUN, 'a.py', '--work-dir', 'out',
        '--cfg-options', 'a=1 2'
    ]


def test_testing(asked, repo):
    found = asked('slurm_test.sh', 'gpu', 'job', 'a.py', 'a.pth', '--show')
    assert {'--ntasks=8', '--ntasks-per-node=8'} < set(found)
    assert found[found.index('python') + 1:] == [
        '-u', f'{repo}/tools/test.py', *RUN, 'a.py', 'a.pth', '--show'
    ]


def test_any_other_tool(asked):
    found = asked('slurm_run.sh', 'gpu', 'job', 'label.py', 'a.py')
    assert found[found.index('python')
                 + 1:] == ['-u', 'label.py', *RUN, 'a.py']
