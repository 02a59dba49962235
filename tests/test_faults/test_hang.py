"""One of two processes fails: all end soon, and say where it was."""
import os
import re
import subprocess
import sys
import time

import pytest
import torch

from tests.helpers.tiny_run import write_config, write_data

TIMEOUT = 10
MORE = """
custom_imports = dict(imports=['mmxkd', 'tests.helpers.fault_at'])
custom_hooks = [dict(type='FaultHook')]
env_cfg = dict(dist_cfg=dict(backend='gloo', timeout={timeout}))
"""


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp('config')
    write_data(folder / 'data')
    return write_config(folder / 'tiny.py', folder / 'data', epochs=2,
                        more=MORE.format(timeout=TIMEOUT))


@pytest.fixture
def fail(config, repo, tmp_path, free_port):
    """Runs two processes with a fault; gives output and seconds after it."""

    def run(fault, config=config):
        folder = tmp_path / 'run'
        command = [
            sys.executable, '-m', 'torch.distributed.run', '--nproc_per_node',
            '2', '--master_port', free_port,
            str(repo / 'tools/train.py'),
            str(config), '--work-dir',
            str(folder), '--launcher', 'pytorch'
        ]
        env = dict(os.environ, OMP_NUM_THREADS='1', FAULT=fault,
                   PYTHONPATH=str(repo))
        done = subprocess.run(command, env=env, cwd=repo, capture_output=True,
                              text=True, timeout=200)
        seconds = time.time() - float((folder / 'failed_at').read_text())
        output = done.stdout + done.stderr
        assert done.returncode != 0, output
        for rank in (0, 1):
            pid = int((folder / f'pid_{rank}').read_text())
            assert not os.path.exists(f'/proc/{pid}'), output
        content = torch.load(folder / 'epoch_1.pth', weights_only=True)
        assert content['meta']['epoch'] == 1
        print(f'{fault}: ended after {seconds:.1f} s')
        return output, seconds

    return run


SAMPLES = r'samples: \S*train_\d\.png, \S*train_\d\.png'


@pytest.mark.slow
@pytest.mark.parametrize('fault, place, samples, limit', [
    ('kill', 'forward of iteration 4', SAMPLES, 10),
    ('exception', 'forward of iteration 4', SAMPLES, 10),
    ('bad sample', 'loading of iteration 4', r'train_\d\.png: cut off', 10),
    ('other loss', 'backward of iteration 4', SAMPLES, 10),
    ('hang', 'forward of iteration 4', SAMPLES, TIMEOUT + 10),
    ('hang in C', 'forward of iteration 4', SAMPLES, TIMEOUT + 10),
    ('hang hard', 'forward of iteration 4', SAMPLES, TIMEOUT + 10),
    ('hang load', 'loading of iteration 4', r'has the indices \[\d, \d\]',
     TIMEOUT + 10),
    ('backward', 'backward of iteration 4', SAMPLES, TIMEOUT + 10),
])  # yapf: disable
def test_all_end_and_name_the_place(fail, fault, place, samples, limit):
    output, seconds = fail(fault)
    assert seconds < limit, output
    assert re.search(f'rank 1: .*{place}, for', output), output
    assert re.search(samples, output), output
    if fault in ('kill', 'exception', 'hang', 'hang in C', 'hang hard',
                 'hang load'):
        line = f'rank 1: .*{place}.*<- the others wait for it'
        assert re.search(line, output), output
    if fault == 'other loss':
        assert 'rank 1 alone or not all have: loss_extra' in output


@pytest.mark.slow
def test_the_hang_guard_is_not_alone(fail, config):
    """Where it waits longer, the launcher's signal ends the one that hangs."""
    late = config.with_name('late.py')
    late.write_text(f"_base_ = {config.name!r}\n"
                    "custom_hooks = [dict(type='FaultHook'), "
                    "dict(type='mmxkd.HangGuardHook', timeout=1000)]\n")
    output, seconds = fail('hang in C', late)
    assert seconds < TIMEOUT + 10
    assert 'rank 1 was asked to stop' in output
