"""Runs share the GPUs."""
import threading

import pytest
import torch

from mmxkd.experiments import Run
from mmxkd.experiments.gpus import visible_gpus


@pytest.mark.parametrize('stated, expected', [
    (None, ['0', '1', '2']),
    ('', []),
    ('2', ['2']),
    ('1, GPU-5f3e', ['1', 'GPU-5f3e']),
])
def test_visible_ones(monkeypatch, stated, expected):
    monkeypatch.setattr(torch.cuda, 'device_count', lambda: 3)
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    if stated is not None:
        monkeypatch.setenv('CUDA_VISIBLE_DEVICES', stated)
    assert visible_gpus() == expected


@pytest.mark.parametrize('stated, expected', [('0,1', {'0', '1'}),
                                              ('3', {'3'}), ('', {None})])
def test_two_runs_at_a_time_have_one_each(plan, train, fake_tools, monkeypatch,
                                          stated, expected):
    """They meet in pairs: teacher and baseline, then the two students."""
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', stated)
    fake, meet, pairs = fake_tools(), threading.Barrier(2), []

    def call(run, tool, *arguments):
        if 'train' in tool and not run.arm.shared:
            pairs.append(run.gpu)
            meet.wait(timeout=60)
        fake(run, tool, *arguments)

    monkeypatch.setattr(Run, '_call', call)
    train(plan)
    assert len(pairs) == 8
    for pair in zip(pairs[::2], pairs[1::2], strict=True):
        assert set(pair) == expected


def test_the_processes_of_a_run_see_its_gpu(plan, train, fake_tools,
                                            monkeypatch):
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '4')
    fake_tools()
    run = train(plan)[0]
    assert run._environment()['CUDA_VISIBLE_DEVICES'] == '4'
    run.gpu = None
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '5')
    assert run._environment()['CUDA_VISIBLE_DEVICES'] == '5'
