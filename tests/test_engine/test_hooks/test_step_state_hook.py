"""Runs that are cut while gradients wait, or in the middle of the data."""
import itertools
import random

import numpy as np
import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch.utils.data import Dataset

from mmxkd.engine.hooks.step_state_hook import STATE
from tests.helpers.resume_kill import _same as same

GUARDS = ('EpochSeedHook', 'StepStateHook')
EMA = dict(type='EMAHook', momentum=0.1)
numbers = itertools.count()


class Data(Dataset):
    """Every generator has a part in a sample."""
    metainfo = dict(classes=('a', ))

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return torch.tensor(
            [index,
             random.random(),
             np.random.rand(),
             torch.rand(()).item()])


class Model(BaseModel):

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.linear = torch.nn.Linear(4, 2)

    def forward(self, *inputs, mode='loss'):
        output = self.linear(
            torch.dropout(torch.stack(inputs), 0.5, self.training))
        return dict(loss=output.square().mean()) if mode == 'loss' else [0]


class Score(BaseMetric):
    """The first validation is the best one. It draws."""

    def process(self, data_batch, data_samples):
        self.results.append(random.random())

    def compute_metrics(self, results):
        return dict(score=1.)


class Cut(Hook):
    """Breaks off before this many iterations are done."""
    priority = 'LOWEST'

    def __init__(self, at):
        self.at = at

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.at:
            raise KeyboardInterrupt


def run(folder, cut=None, resume=False, accumulate=1, batch=2, epochs=3,
        iters=None, workers=0, guards=GUARDS, hooks=(), by_epoch=True,
        interval=1, sampler='DefaultSampler', val=None):
    """Train; return the last checkpoint, or None where it was cut."""
    more, checkpoints = {}, {}
    if val:
        checkpoints = dict(save_best='score', rule='greater')
        more = dict(
            val_cfg=dict(), val_evaluator=[Score()], val_dataloader=dict(
                dataset=Data(), batch_size=4,
                sampler=dict(type='DefaultSampler', shuffle=False)))
    train_cfg = dict(by_epoch=True, max_epochs=epochs)
    if iters:
        train_cfg = dict(by_epoch=False, max_iters=iters, val_interval=val
                         or 1000)
    runner = Runner(
        Model(), str(folder),
        train_dataloader=dict(dataset=Data(), batch_size=batch,
                              num_workers=workers,
                              sampler=dict(type=sampler, shuffle=True)),
        train_cfg=train_cfg,
        optim_wrapper=dict(optimizer=dict(type='Adam', lr=0.01),
                           accumulative_counts=accumulate),
        default_hooks=dict(
            checkpoint=dict(type='mmxkd.SafeCheckpointHook', by_epoch=by_epoch,
                            interval=interval, **checkpoints)),
        custom_hooks=[dict(type=f'mmxkd.{name}')
                      for name in guards] + [dict(hook)
                                             for hook in hooks] + [Cut(cut)],
        resume=resume, randomness=dict(seed=3),
        experiment_name=f'steps_{next(numbers)}', **more)
    try:
        runner.train()
    except KeyboardInterrupt:
        assert runner.iter == cut
        return None
    finally:
        if workers:
            # The garbage collector would wait for each of them for 5 s.
            iterator = runner.train_loop.dataloader_iterator
            while hasattr(iterator, '_iterator'):
                iterator = iterator._iterator
            iterator._shutdown_workers()
    return torch.load(
        f'{folder}/'
        + open(f'{folder}/last_checkpoint').read().rsplit('/')[-1],
        weights_only=True)


def parts(checkpoint):
    kept = ('state_dict', 'ema_state_dict', 'optimizer', 'param_schedulers')
    return {key: checkpoint.get(key) for key in kept}


def cut_and_whole(tmp_path, cut, **kwargs):
    """What is left of a run that was cut, and of one that was not."""
    run(tmp_path / 'cut', cut=cut, **kwargs)
    return (parts(run(tmp_path / 'cut', resume=True,
                      **kwargs)), parts(run(tmp_path / 'whole', **kwargs)))


@pytest.mark.parametrize('hooks', [(), (EMA, )], ids=['', 'ema'])
@pytest.mark.parametrize('accumulate, batch', [(2, 3), (3, 2)])
def test_accumulation_that_does_not_divide_an_epoch(tmp_path, accumulate,
                                                    batch, hooks):
    iterations = -(-8 // batch)
    for epochs in (1, 2):
        cut, whole = cut_and_whole(tmp_path / str(epochs),
                                   epochs * iterations + 1, batch=batch,
                                   accumulate=accumulate, hooks=hooks)
        assert same(cut, whole)


def test_the_test_sees_what_is_lost(tmp_path):
    cut, whole = cut_and_whole(tmp_path, 5, accumulate=3,
                               guards=('EpochSeedHook', ))
    assert not same(cut, whole)


def test_only_what_waits_is_saved(tmp_path):
    """Epochs of four iterations, a step after three and after the last."""
    run(tmp_path, accumulate=3)
    saved = [
        torch.load(tmp_path / f'epoch_{i}.pth', weights_only=True).get(STATE)
        for i in (1, 2, 3)
    ]
    names = {'linear.weight', 'linear.bias'}
    assert [s and set(s['gradients']) for s in saved] == [names, names, None]
    run(tmp_path / 'plain', epochs=1)
    assert STATE not in torch.load(tmp_path / 'plain/epoch_1.pth',
                                   weights_only=True)


def test_a_best_checkpoint_is_of_weights_only(tmp_path):
    run(tmp_path, accumulate=3, epochs=1, iters=4, by_epoch=False, val=2)
    assert STATE not in torch.load(tmp_path / 'best_score_iter_2.pth',
                                   weights_only=True)


def test_gradients_that_were_never_saved(tmp_path):
    run(tmp_path, cut=5, accumulate=3, guards=('EpochSeedHook', ))
    run(tmp_path, resume=True, accumulate=3)
    assert any('waited for a step are not in the checkpoint' in p.read_text()
               for p in tmp_path.rglob('*.log'))


@pytest.mark.parametrize('kwargs', [
    dict(),
    dict(accumulate=3, hooks=(EMA, )),
    dict(val=4),
    dict(workers=2, sampler='InfiniteSampler'),
    dict(workers=2, sampler='InfiniteSampler', val=4, accumulate=2),
], ids=str)
def test_an_iteration_based_run_in_the_middle_of_the_data(
        tmp_path, monkeypatch, kwargs):
    monkeypatch.setattr('time.sleep', lambda seconds: None)
    cut, whole = cut_and_whole(tmp_path, 9, iters=14, by_epoch=False,
                               interval=7, **kwargs)
    assert same(cut, whole)


def test_old_checkpoints_without_generators(tmp_path, monkeypatch):
    monkeypatch.setattr('time.sleep', lambda seconds: None)
    kwargs = dict(iters=6, by_epoch=False, interval=2)
    run(tmp_path, cut=3, guards=('EpochSeedHook', ), **kwargs)
    run(tmp_path, resume=True, **kwargs)
    assert any('does not hold where the random generators' in p.read_text()
               for p in tmp_path.rglob('*.log'))
