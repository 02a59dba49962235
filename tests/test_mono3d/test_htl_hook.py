"""The hook of hierarchical task learning: weights, state and errors."""
import logging
from types import SimpleNamespace

import pytest
import torch

from mmxkd.errors import CheckpointError, ConfigError
from mmxkd.mono3d.htl_hook import STATE, HTLHook
from mmxkd.mono3d.task_weights import PARENTS


def make_runner(epoch: int = 0) -> SimpleNamespace:
    model = torch.nn.Linear(1, 1)
    model.bbox_head = torch.nn.Module()
    model.bbox_head.task_weights = dict.fromkeys(PARENTS, 1.0)
    return SimpleNamespace(model=model, epoch=epoch, _resume=True,
                           logger=logging.getLogger('htl'))


def loss(epoch: int, task: int) -> float:
    return 10 * 0.8**epoch + task


def run(hook: HTLHook, runner, epochs: range) -> list[dict]:
    """The weights in each epoch, of two iterations."""
    found = []
    hook.before_train(runner)
    for epoch in epochs:
        runner.epoch = epoch
        hook.before_train_epoch(runner)
        found.append(dict(runner.model.bbox_head.task_weights))
        for shift in (-1., 1.):
            hook.after_train_iter(
                runner, 0, outputs={
                    f'raw_{t}': torch.tensor(loss(epoch, i) + shift)
                    for i, t in enumerate(PARENTS)
                })
        hook.after_train_epoch(runner)
    return found


def test_it_weighs_by_the_means_of_epochs():
    hook = HTLHook(total_epochs=20)
    found = run(hook, make_runner(), range(8))
    assert found[4] == {t: float(not p) for t, p in PARENTS.items()}
    assert 0 < found[6]['depth'] < found[7]['depth'] < 1
    # float32 losses.
    rows = hook.tasks.state()['past']
    assert rows[-1] == pytest.approx([loss(7, i) for i in range(7)])


def test_a_resumed_run_weighs_as_the_whole_one():
    whole = run(HTLHook(total_epochs=20), make_runner(), range(9))
    first, runner = HTLHook(total_epochs=20), make_runner()
    run(first, runner, range(6))
    checkpoint = dict(optimizer={})
    first.before_save_checkpoint(runner, checkpoint)
    second, runner = HTLHook(total_epochs=20), make_runner(6)
    second.after_load_checkpoint(runner, checkpoint)
    assert STATE not in checkpoint
    assert run(second, runner, range(6, 9)) == whole[6:]


def test_a_best_checkpoint_holds_no_state():
    checkpoint: dict = {}
    HTLHook().before_save_checkpoint(make_runner(), checkpoint)
    assert not checkpoint


def test_a_checkpoint_without_state_is_refused():
    hook, runner = HTLHook(), make_runner(3)
    hook.after_load_checkpoint(runner, {})
    with pytest.raises(CheckpointError, match='epoch 3'):
        hook.before_train(runner)


def test_a_model_without_tasks_is_refused():
    runner = make_runner()
    runner.model = torch.nn.Linear(1, 1)
    with pytest.raises(ConfigError, match='Linear has no task_weights'):
        HTLHook().before_train(runner)


def test_too_few_epochs_are_refused():
    for value in (5, '140'):
        with pytest.raises(ConfigError, match=f'total_epochs={value!r}'):
            HTLHook(total_epochs=value)
    with pytest.raises(ConfigError, match="'total_epochs'"):
        HTLHook(total_epoch=140)
