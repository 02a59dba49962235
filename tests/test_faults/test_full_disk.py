"""A disk that fills up, and a run that goes on where there is room."""
import shutil

import pytest
import torch

from tests.helpers.tiny_run import write_config, write_data

# From epoch 2 on, /dev/full answers every write as a full disk does.
HOOK = """
import os
from mmengine.hooks import Hook
from mmengine.registry import HOOKS

@HOOKS.register_module()
class FillTheDisk(Hook):

    def before_train_epoch(self, runner):
        if runner.epoch == 1 and 'FULL' in os.environ:
            os.symlink('/dev/full', os.path.join(
                runner.work_dir, f'epoch_2.pth.{os.getpid()}.partial'))
"""
MORE = """
custom_imports = dict(imports=['fill_the_disk'])
custom_hooks = [dict(type='FillTheDisk')]
"""


@pytest.mark.slow
def test_a_full_disk_then_another_one(tmp_path, repo, run_python):
    """The run ends with the reason; moved, it goes on from what it had."""
    write_data(tmp_path / 'data')
    (tmp_path / 'fill_the_disk.py').write_text(HOOK)
    config = write_config(tmp_path / 'config.py', tmp_path / 'data', epochs=2,
                          more=MORE)
    full, roomy = tmp_path / 'full', tmp_path / 'roomy'
    done = run_python(repo / 'tools/train.py', config, '--work-dir', full,
                      check=False, PYTHONPATH=str(tmp_path), FULL='1')
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last == ('OSError: [Errno 28] No space left on device: '
                    f"'{full}/epoch_2.pth'")
    assert sorted(p.name for p in full.glob('*.p*') if p.suffix != '.py') == [
        'best_coco_bbox_mAP_epoch_1.pth', 'epoch_1.pth'
    ]
    shutil.move(full, roomy)
    done = run_python(repo / 'tools/train.py', config, '--work-dir', 'roomy',
                      '--resume', cwd=tmp_path, PYTHONPATH=str(tmp_path))
    assert 'resumed epoch: 1, iter: 4' in done.stdout + done.stderr
    assert not full.exists()
    content = torch.load(roomy / 'epoch_2.pth', weights_only=True)
    assert content['meta']['epoch'] == 2
    assert content['message_hub']['runtime_info']['last_ckpt'] == str(
        roomy / 'epoch_2.pth')
