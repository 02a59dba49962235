"""Killed runs. All moments, for plain and distilled students:
``python -m tests.helpers.resume_kill``."""
import signal

import pytest

from tests.helpers import resume_kill

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
