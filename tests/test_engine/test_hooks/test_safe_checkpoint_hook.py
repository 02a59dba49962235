import os

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from torch import nn

from mmxkd.errors import CheckpointError
from tests.helpers.forked import run_ranks
from tests.helpers.given_scores import Score

SAFE = 'mmxkd.SafeCheckpointHook'


def files(runner):
    return sorted(name for name in os.listdir(runner.work_dir)
                  if name.endswith(('.pth', '.partial')))


@pytest.mark.parametrize('kind', ['CheckpointHook', SAFE])
def test_keeps_what_the_stock_hook_keeps(toy_runner, kind):
    runner = toy_runner(
        scores=[0.1, 0.3, 0.2],
        checkpoint=dict(type=kind, interval=1, max_keep_ckpts=2,
                        save_best='score', rule='greater'))
    runner.train()
    assert files(runner) == [
        'best_score_epoch_2.pth', 'epoch_2.pth', 'epoch_3.pth'
    ]
    with open(os.path.join(runner.work_dir, 'last_checkpoint')) as file:
        assert file.read() == os.path.join(runner.work_dir, 'epoch_3.pth')


def test_nothing_is_deleted_before_its_replacement_stands(
        toy_runner, monkeypatch):
    events = []
    replace, remove = os.replace, os.remove
    monkeypatch.setattr(
        os, 'replace', lambda a, b: (events.append(
            ('write', os.path.basename(b))), replace(a, b)))
    monkeypatch.setattr(
        os, 'remove', lambda a: (events.append(
            ('delete', os.path.basename(a))), remove(a)))
    toy_runner(
        scores=[0.1, 0.3], epochs=2,
        checkpoint=dict(type=SAFE, interval=1, max_keep_ckpts=1,
                        save_best='score', rule='greater')).train()
    assert events == [('write', 'epoch_1.pth'), ('write', 'last_checkpoint'),
                      ('write', 'best_score_epoch_1.pth'),
                      ('write', 'epoch_1.pth'), ('write', 'last_checkpoint'),
                      ('write', 'epoch_2.pth'), ('write', 'last_checkpoint'),
                      ('delete', 'epoch_1.pth'),
                      ('write', 'best_score_epoch_2.pth'),
                      ('write', 'epoch_2.pth'), ('write', 'last_checkpoint'),
                      ('delete', 'best_score_epoch_1.pth')]


def test_a_failing_save_deletes_nothing(toy_runner, monkeypatch):
    runner = toy_runner(
        checkpoint=dict(type=SAFE, max_keep_ckpts=1, interval=1))
    save = torch.save

    def fail_at_epoch_2(content, file, *args, **kwargs):
        if 'epoch_2' in file.name:
            raise OSError(28, 'No space left on device')
        save(content, file, *args, **kwargs)

    monkeypatch.setattr(torch, 'save', fail_at_epoch_2)
    with pytest.raises(OSError, match='No space left'):
        runner.train()
    assert files(runner) == ['epoch_1.pth']


def test_a_full_disk_is_said_and_deletes_nothing(toy_runner, tmp_path):
    """/dev/full answers every write as a full disk does."""
    hook = dict(type=SAFE, interval=1, max_keep_ckpts=1)
    runner = toy_runner(epochs=1, checkpoint=hook)
    runner.train()
    work = tmp_path / 'work'
    before = (work / 'epoch_1.pth').read_bytes()
    resumed = toy_runner(checkpoint=hook, resume=True)

    def fill_up(now):
        partial = work / f'epoch_2.pth.{os.getpid()}.partial'
        if not partial.is_symlink():
            partial.symlink_to('/dev/full')
        return 1.

    resumed.model.spoil = fill_up
    with pytest.raises(OSError,
                       match='No space left on device: .*/epoch_2.pth'):
        resumed.train()
    assert files(resumed) == ['epoch_1.pth']
    assert (work / 'epoch_1.pth').read_bytes() == before
    assert (work / 'last_checkpoint').read_text().endswith('epoch_1.pth')


def test_leftovers_of_a_kill_are_deleted_on_resume(toy_runner):
    hook = dict(type=SAFE, interval=1, max_keep_ckpts=1)
    runner = toy_runner(epochs=2, checkpoint=hook)
    runner.train()
    # As if killed between the write of epoch_2.pth and the deletion.
    open(os.path.join(runner.work_dir, 'epoch_1.pth'), 'w').close()
    open(os.path.join(runner.work_dir, 'x.pth.partial'), 'w').close()
    resumed = toy_runner(epochs=3, checkpoint=hook, resume=True)
    resumed.train()
    assert files(resumed) == ['epoch_3.pth']


def test_the_validation_that_was_due_is_repeated(toy_runner):
    hook = dict(type=SAFE, interval=1, save_best='score', rule='greater')

    def early_stop():
        return [
            dict(type='mmxkd.StrictEarlyStoppingHook', monitor='score',
                 rule='greater', patience=2)
        ]

    runner = toy_runner(scores=[0.1, 0.5, 0.4, 0.3], epochs=6, checkpoint=hook,
                        custom_hooks=early_stop())
    runner.train()
    assert runner.epoch == 4  # stopped by patience
    # Resume as if killed in the validation of epoch 3, after one bad score.
    for step in (4, ):
        os.remove(os.path.join(runner.work_dir, f'epoch_{step}.pth'))
    with open(os.path.join(runner.work_dir, 'last_checkpoint'), 'w') as file:
        file.write(os.path.join(runner.work_dir, 'epoch_3.pth'))
    resumed = toy_runner(scores=[0.4, 0.3], epochs=6, checkpoint=hook,
                         custom_hooks=early_stop(), resume=True)
    resumed.train()
    assert resumed.epoch == 4
    assert 'best_score_epoch_2.pth' in files(resumed)


def test_iteration_based_runs(toy_runner):
    runner = toy_runner(checkpoint=dict(type=SAFE, interval=2, by_epoch=False,
                                        max_keep_ckpts=1))
    runner._train_loop = dict(type='IterBasedTrainLoop', max_iters=4)
    runner.train()
    assert files(runner) == ['iter_4.pth']


def test_a_file_of_weights_alone_is_not_resumed(toy_runner, tmp_path):
    path = str(tmp_path / 'weights.pth')
    runner = toy_runner(checkpoint=dict(type=SAFE), load_from=path,
                        resume=True)
    torch.save(dict(meta={}, state_dict=runner.model.state_dict()), path)
    with pytest.raises(CheckpointError,
                       match='weights.pth holds weights but no training'):
        runner.train()
    toy_runner(checkpoint=dict(type=SAFE), load_from=path).train()


class Normed(BaseModel):
    """With statistics that each process has of its own samples."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))

    def forward(self, *inputs, mode='loss'):
        found = self.net(torch.stack(inputs))
        if mode == 'loss':
            return dict(loss=found.square().mean())
        return list(found)


class Compare(Hook):
    """The statistics with which each process validates are the same."""
    priority = 'LOWEST'

    def __init__(self) -> None:
        self.compared = 0

    def before_val_epoch(self, runner) -> None:
        for buffer in runner.model.buffers():
            other = buffer.clone()
            torch.distributed.broadcast(other, 0)
            assert torch.equal(buffer, other)
            self.compared += 1


def validate_in_two(folder) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(1)
    data = dict(dataset=list(torch.randn(16, 3)), batch_size=2,
                sampler=dict(type='DefaultSampler', shuffle=False))
    compare = Compare()
    Runner(
        Normed(), str(folder), train_dataloader=data,
        train_cfg=dict(by_epoch=True, max_epochs=3), val_dataloader=data,
        val_cfg=dict(), val_evaluator=[Score([1., 2., 3.])],
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        default_hooks=dict(
            checkpoint=dict(type='mmxkd.SafeCheckpointHook', interval=2)),
        custom_hooks=[dict(type='EMAHook', update_buffers=True), compare],
        launcher='pytorch', env_cfg=dict(dist_cfg=dict(backend='gloo')),
        default_scope='mmengine').train()
    assert compare.compared == 9
    torch.distributed.barrier()
    # A process group that is freed may wait for ever, see ddp_heads.py.
    os._exit(0)


def test_two_processes_validate_with_the_same_statistics(tmp_path, free_port):
    """Also of an EMA, and in epochs without a checkpoint."""
    done = run_ranks(
        lambda: validate_in_two(tmp_path / 'run'), 2, tmp_path / 'log',
        environment=dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=free_port))
    assert [d.code for d in done] == [0, 0], done[0].output[-3000:]
