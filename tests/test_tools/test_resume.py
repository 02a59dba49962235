"""Killed runs. All moments, for plain and distilled students:
``python -m tests.helpers.resume_kill``."""
import os
import signal

import pytest

from tests.helpers import resume_kill
from tests.helpers.forked import main_of, run_ranks

# Trains, kills and resumes real detectors: half a minute and more.
pytestmark = pytest.mark.slow


@pytest.mark.parametrize('moment', ['write:epoch_2.pth', 'val:3'])
def test_a_killed_distillation_resumes_bit_identically(distilled, moment):
    root, config = distilled
    folder = root / moment.replace(':', '_')
    assert resume_kill.train(config, folder, moment) == -signal.SIGKILL
    assert resume_kill.differences(folder, root / 'reference')
    assert resume_kill.train(config, folder, resume=True) == 0
    assert resume_kill.differences(folder, root / 'reference') == []


def test_two_processes_train_resume_and_test(tmp_path, tool, free_port):
    config = resume_kill.prepare(tmp_path)

    def train(folder, *args, code=0, **environment):
        return tool('dist_train.sh', config, 2, '--work-dir',
                    tmp_path / folder, *args, code=code, PORT=free_port,
                    **environment)

    train('whole')
    train('killed', code=1, KILL_AT='step:3')
    train('killed', '--resume')
    assert resume_kill.differences(tmp_path / 'killed',
                                   tmp_path / 'whole') == []
    done = tool('dist_test.sh', config, tmp_path / 'killed/epoch_3.pth', 2,
                '--work-dir', tmp_path / 'tested', PORT=free_port)
    assert 'coco/bbox_mAP' in done.stdout + done.stderr


@pytest.mark.parametrize('accumulate, batch', [(2, 3), (3, 2)])
def test_gradients_that_wait_are_resumed(tmp_path, accumulate, batch):
    """Killed in epochs 2 and 3, with gradients of the epoch before waiting,
    and with weights averaged by ``EMAHook``."""
    config = resume_kill.prepare(tmp_path)
    config.write_text(config.read_text() + _accumulating(accumulate, batch))
    assert resume_kill.train(config, tmp_path / 'whole') == 0
    iterations = -(-8 // batch)
    for epoch in (1, 2):
        folder = tmp_path / f'killed_{epoch}'
        moment = f'iter:{epoch * iterations + 1}'
        assert resume_kill.kill_and_resume(config, folder, tmp_path / 'whole',
                                           moment) == []


def test_gradients_that_wait_on_two_processes(tmp_path, repo, free_port):
    config = resume_kill.prepare(tmp_path)
    # Four iterations with one picture for each process: a step after three.
    config.write_text(config.read_text() + _accumulating(3, 1))

    def train(folder, *args, kill_at=''):
        train_one = main_of(repo / 'tools/train.py', config, '--work-dir',
                            tmp_path / folder, '--launcher', 'pytorch', *args)

        def rank():
            train_one()
            # A process group that is freed may wait for ever, see ddp_heads.
            os._exit(0)

        done = run_ranks(
            rank, 2, tmp_path / 'log',
            environment=dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=free_port,
                             KILL_AT=kill_at), cwd=repo)
        return [one.code for one in done]

    assert train('whole') == [0, 0]
    assert -signal.SIGKILL in train('killed', kill_at='iter:6')
    assert not resume_kill.differences(tmp_path / 'killed',
                                       tmp_path / 'whole') == []
    assert train('killed', '--resume') == [0, 0]
    assert resume_kill.differences(tmp_path / 'killed',
                                   tmp_path / 'whole') == []


def _accumulating(accumulate, batch):
    return (f'optim_wrapper.update(accumulative_counts={accumulate})\n'
            f'train_dataloader.update(batch_size={batch})\n'
            "custom_hooks.append(dict(type='EMAHook', momentum=0.1))\n")
