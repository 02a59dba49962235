"""One of two processes fails: all end soon, and say where it was."""
import os
import re
import subprocess
import sys
import time

import pytest
import torch

# Here once, and not in each of the processes.
from mmdet.apis import init_detector  # noqa: F401
from mmengine.runner import Runner  # noqa: F401

import mmxkd.distillation  # noqa: F401
from tests.helpers.forked import main_of, run_ranks
from tests.helpers.tiny_run import write_config, write_data

TIMEOUT = 10
MORE = """
custom_imports = dict(imports=['mmxkd', 'tests.helpers.fault_at'])
custom_hooks = [dict(type='FaultHook')]
env_cfg = dict(mp_cfg=dict(mp_start_method='fork'),
               dist_cfg=dict(backend='gloo', timeout={timeout}))
"""


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp('config')
    write_data(folder / 'data')
    return write_config(folder / 'tiny.py', folder / 'data', epochs=2,
                        more=MORE.format(timeout=TIMEOUT))


@pytest.fixture
def train(config, repo, tmp_path, free_port):
    """Runs tools/train.py in two processes, with a fault."""

    def run(fault, *args, config=config):
        command = [config, '--work-dir', tmp_path / 'run', '--launcher',
                   'pytorch', *args]  # yapf: disable
        env = dict(FAULT=fault, MASTER_ADDR='127.0.0.1', MASTER_PORT=free_port)
        return run_ranks(main_of(repo / 'tools/train.py', *command), 2,
                         tmp_path / 'log', timeout=200, environment=env,
                         cwd=repo)

    return run


@pytest.fixture
def fail(train, tmp_path, record_property):
    """Gives the output, and the seconds from the fault to the end of all."""

    def run(fault, *args, **how):
        done = train(fault, *args, **how)
        seconds = time.time() - _failed_at(tmp_path)
        output = done[0].output
        assert all(d.code for d in done), output
        _check_the_end(tmp_path, output)
        record_property('seconds', round(seconds, 1))
        return output, seconds

    return run


def _failed_at(folder):
    return float((folder / 'run/failed_at').read_text())


def _check_the_end(folder, output):
    """No process is left, and the last checkpoint is whole."""
    for path in (folder / 'run').glob('pid_*'):
        assert not os.path.exists(f'/proc/{path.read_text()}'), output
    content = torch.load(folder / 'run/epoch_1.pth', weights_only=True)
    assert content['meta']['epoch'] == 1


SAMPLES = r'samples: \S*train_\d\.png, \S*train_\d\.png'
NEXT = r'has the indices \[\d, \d\] of the dataset: \S*train_\d\.png, '
WORKERS = ('--cfg-options', 'train_dataloader.num_workers=2',
           'train_dataloader.persistent_workers=True')


@pytest.mark.slow
@pytest.mark.parametrize('fault, args, place, samples, limit', [
    ('kill', (), 'forward of iteration 4', SAMPLES, 10),
    ('exception', (), 'forward of iteration 4', SAMPLES, 10),
    ('bad sample', (), 'loading of iteration 4', r'train_\d\.png: cut', 10),
    ('other loss', (), 'backward of iteration 4', SAMPLES, 10),
    ('hang', (), 'forward of iteration 4', SAMPLES, TIMEOUT + 10),
    ('hang in C', (), 'forward of iteration 4', SAMPLES, TIMEOUT + 10),
    ('hang hard', (), 'forward of iteration 4', SAMPLES, TIMEOUT + 10),
    ('hang load', (), 'loading of iteration 4', NEXT, TIMEOUT + 10),
    ('hang load', WORKERS, 'loading of iteration 4', NEXT, TIMEOUT + 10),
    ('bad sample', WORKERS, 'loading of iteration 4',
     r'train_\d\.png: cut', 10),
    ('backward', (), 'backward of iteration 4', SAMPLES, TIMEOUT + 10),
])  # yapf: disable
def test_all_end_and_name_the_place(fail, fault, args, place, samples, limit):
    output, seconds = fail(fault, *args)
    assert seconds < limit, output
    assert re.search(f'rank 1: .*{place}, for', output), output
    assert re.search(samples, output), output
    if fault == 'other loss':
        assert 'rank 1 has, and not all have: loss_extra' in output
    elif fault != 'backward':
        # There the other one waits in its own backward.
        line = f'rank 1: .*{place}.*<- the others wait for it'
        assert re.search(line, output), output


@pytest.mark.slow
@pytest.mark.parametrize('fault', ['kill', 'hang in C'])
def test_under_torchrun(config, repo, tmp_path, free_port, fault):
    """The same with the launcher itself, in new interpreters."""
    command = [
        sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node', '2',
        '--master_port', free_port, 'tools/train.py', str(config),
        '--work-dir', str(tmp_path / 'run'), '--launcher', 'pytorch'
    ]  # yapf: disable
    env = dict(os.environ, OMP_NUM_THREADS='1', FAULT=fault,
               PYTHONPATH=str(repo))
    done = subprocess.run(command, env=env, cwd=repo, capture_output=True,
                          text=True, timeout=200)
    seconds = time.time() - _failed_at(tmp_path)
    output = done.stdout + done.stderr
    assert done.returncode == 1 and seconds < TIMEOUT + 10, output
    _check_the_end(tmp_path, output)
    assert re.search('rank 1: forward of iteration 4.*<- the others', output)


@pytest.mark.slow
def test_the_hang_guard_is_not_alone(fail, config):
    """Where it waits longer, the signal of the launcher ends the one that
    hangs, and PyTorch's own timeout the others."""
    late = config.with_name('late.py')
    late.write_text(f"_base_ = {config.name!r}\n"
                    "custom_hooks = [dict(type='FaultHook'), "
                    "dict(type='mmxkd.HangGuardHook', timeout=1000)]\n")
    output, seconds = fail('hang in C', config=late)
    assert seconds < TIMEOUT + 10
    assert 'rank 1 was asked to stop' in output
    assert re.search('rank 1: forward of iteration 4.*<- the others', output)


@pytest.mark.slow
def test_what_is_slow_and_healthy_goes_on(train, config, tmp_path):
    """Each of four delays is longer than the guard's limit of a step."""
    patient = config.with_name('patient.py')
    patient.write_text(f"_base_ = {config.name!r}\n"
                       "custom_hooks = [dict(type='FaultHook'), "
                       "dict(type='mmxkd.HangGuardHook', timeout=3)]\n"
                       'env_cfg = dict(dist_cfg=dict(timeout=60))\n')
    done = train('slow', config=patient)
    assert [d.code for d in done] == [0, 0], done[0].output
    # While one process writes, the other may begin to evaluate.
    assert done[0].seconds > 3 * 6
    assert not [*tmp_path.glob('run/*/*.heartbeat')]
