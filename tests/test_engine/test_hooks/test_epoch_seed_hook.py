import random

import numpy as np
import pytest
import torch

from mmxkd.engine.hooks import seed_everything

HOOK = [dict(type='mmxkd.EpochSeedHook')]
SAVE = dict(type='mmxkd.SafeCheckpointHook', interval=1)


def draws(model):
    """(epochs, samples, 3) random numbers, by the index of the sample."""
    rows = torch.cat(model.batches).reshape(-1, 8, 4)
    return torch.stack(
        [rows[e][rows[e][:, 0].argsort()][:, 1:] for e in range(len(rows))])


@pytest.mark.parametrize('workers, persistent', [(0, False), (2, False),
                                                 (2, True)])
def test_epochs_differ_and_runs_agree(toy_runner, tmp_path, workers,
                                      persistent):
    runs = []
    for name in 'ab':
        runner = toy_runner(work_dir=tmp_path / name, workers=workers,
                            persistent=persistent, custom_hooks=HOOK)
        runner.train()
        runs.append(runner.model)
    first = draws(runs[0])
    assert first.shape == (3, 8, 3)
    for epoch in range(1, 3):
        assert not (first[0] == first[epoch]).any()
    assert torch.equal(first, draws(runs[1]))
    assert torch.equal(runs[0].linear.weight, runs[1].linear.weight)


def test_stock_workers_repeat_their_draws_in_every_epoch(toy_runner):
    """What the hook repairs. When this fails, mmengine has repaired it."""
    runner = toy_runner(workers=2)
    runner.train()
    rows = torch.cat(runner.model.batches).reshape(3, 8, 4)[..., 1:]
    assert torch.equal(rows[0], rows[1]) and torch.equal(rows[0], rows[2])


@pytest.mark.parametrize('workers, persistent, randomness',
                         [(0, False, dict(seed=0)), (2, True, dict(seed=0)),
                          (0, False, dict(seed=None)),
                          (0, False, dict(seed=None, diff_rank_seed=True))])
def test_a_resumed_run_takes_the_same_steps(toy_runner, tmp_path, workers,
                                            persistent, randomness):
    options = dict(workers=workers, persistent=persistent, custom_hooks=HOOK,
                   checkpoint=SAVE)
    whole = toy_runner(work_dir=tmp_path / 'whole',
                       randomness=dict(randomness), **options)
    whole.train()
    resumed = toy_runner(work_dir=tmp_path / 'resumed', resume=True,
                         randomness=dict(randomness),
                         load_from=str(tmp_path / 'whole/epoch_1.pth'),
                         **options)
    resumed.train()
    assert len(resumed.model.batches) == 8
    for ours, theirs in zip(resumed.model.batches, whole.model.batches[4:],
                            strict=True):
        assert torch.equal(ours, theirs)
    a, b = (torch.load(tmp_path / name / 'epoch_3.pth', weights_only=True)
            for name in ('whole', 'resumed'))
    for key, value in a['state_dict'].items():
        assert torch.equal(value, b['state_dict'][key])
    for index, state in a['optimizer']['state'].items():
        for key, value in state.items():
            assert torch.equal(value, b['optimizer']['state'][index][key])


def test_a_worker_function_of_the_user_is_kept(toy_runner):
    runner = toy_runner(workers=1, epochs=1, custom_hooks=HOOK)
    runner._train_dataloader['worker_init_fn'] = dict(type=seeds_nothing)
    runner.train()
    assert runner.train_dataloader.worker_init_fn.func is seeds_nothing


def seeds_nothing(worker_id):
    """A user's own function."""


def test_every_generator_is_seeded_by_all_numbers():

    def draw(*numbers):
        seed_everything(*numbers)
        return random.random(), np.random.rand(), torch.rand(()).item()

    assert draw(0, 1, 2) == draw(0, 1, 2)
    for other in ((1, 1, 2), (0, 2, 2), (0, 1, 3), (0, 2, 1)):
        assert not set(draw(0, 1, 2)) & set(draw(*other))
