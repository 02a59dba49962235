"""tools/fill_cache.py, then a training that runs no teacher."""
import os
import re
import subprocess
import sys

import pytest

from tests.helpers.tiny_pair import train, write_pair

FIXED = '''
train_pipeline = [t for t in _base_.train_pipeline
                  if t['type'] not in ('PhotoMetricDistortion', 'RandomFlip')]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
'''


@pytest.fixture
def config(tmp_path):
    path = write_pair(tmp_path)
    path.write_text(path.read_text() + FIXED)
    return path


@pytest.mark.slow
def test_two_commands_at_once_then_a_training(config, repo, tmp_path):
    cache = tmp_path / 'cache'
    command = [
        sys.executable, repo / 'tools/fill_cache.py', config, '--work-dir',
        tmp_path / 'fill', '--cfg-options',
        f'model.teachers.wide.cache.dir={cache}'
    ]
    running = [
        subprocess.Popen(
            list(map(str, command)), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, cwd=tmp_path,
            env=dict(os.environ, PYTHONPATH=str(repo), OMP_NUM_THREADS='1'))
        for _ in range(2)
    ]
    for process in running:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output
        assert 'pass 1/1, batch 4/4' in output
    assert len(list(cache.rglob('*.npz'))) == 8
    assert not list(cache.rglob('*.partial'))
    assert not list((tmp_path / 'fill').rglob('*.pth'))

    def change(cfg):
        cfg.model.teachers.wide.cache = dict(dir=str(cache))

    train(config, tmp_path / 'run', change)
    log = next((tmp_path / 'run').rglob('*.log')).read_text()
    assert "cache of teacher 'wide': 8 frames read, 0 computed" in log


MIXED = '''
train_dataloader = dict(
    batch_size=4,
    batch_sampler=dict(type='mmxkd.MixedBatchSampler', ratio=(1, 3)),
    dataset=dict(_delete_=True, type='mmxkd.MixedDataset', datasets=[
        dict(_base_.train_dataloader.dataset, pipeline=train_pipeline,
             indices=2),
        dict(_base_.train_dataloader.dataset, pipeline=train_pipeline)]))
'''


@pytest.mark.slow
@pytest.mark.parametrize('more, frames', [
    (MIXED, 8),
    ("train_dataloader.update(sampler=dict(type='InfiniteSampler'))\n", 8),
])
def test_every_frame_once_whatever_the_sampler(config, repo, run_python,
                                               tmp_path, more, frames):
    """A batch of a training has one human frame in four; others never end."""
    config.write_text(config.read_text() + more)
    done = run_python(repo / 'tools/fill_cache.py', config, '--work-dir',
                      tmp_path / 'fill', '--cfg-options',
                      f'model.teachers.wide.cache.dir={tmp_path}/cache')
    output = done.stdout + done.stderr
    counted = re.findall(r"wide: (\d+) frames read, (\d+) computed", output)
    assert sum(map(int, counted[-1])) == frames, output[-2000:]


def test_a_config_without_a_cache(config, repo, run_python, tmp_path):
    done = run_python(repo / 'tools/fill_cache.py', config, '--work-dir',
                      tmp_path / 'fill', check=False)
    assert done.returncode == 1
    assert ('error: no teacher of this config has a cache; set e.g. '
            'model.teachers.NAME.cache=dict(') in done.stderr
