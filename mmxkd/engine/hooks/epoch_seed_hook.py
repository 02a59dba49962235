"""Random numbers that depend on the epoch and not on what came before."""
import random
from functools import partial
from typing import Any

import numpy as np
import torch
from mmengine.dataset.utils import worker_init_fn as stock_worker_init
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from torch.utils.data import DataLoader

from mmxkd.engine.worker_seed import seed_worker
from mmxkd.registry import HOOKS


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Seed every generator at the start of an epoch from (seed, epoch, rank).

    mmengine stores no state of random generators, so that a resumed run
    draws other numbers than the run it goes on from. With this hook the
    draws of an epoch depend on nothing but the run's seed, the epoch and the
    rank: a run resumed at the start of an epoch takes exactly the steps that
    the uninterrupted run takes, and two epochs differ.

    It covers python, numpy and torch (CPU and all CUDA devices) in the main
    process, and the workers of the training data loader. Workers are started
    anew in each epoch, also when ``persistent_workers=True``: the generators
    of a worker that lives on depend on all the epochs it has seen.

    The seed is the runner's (``randomness=dict(seed=...)``); where none is
    set it is drawn once and stored in the checkpoints by mmengine. The hook
    is for epoch-based loops: an iteration-based one is a single epoch.
    """

    # Before any hook that draws.
    priority = 'VERY_HIGH'

    def before_train(self, runner) -> None:
        loader = runner.train_dataloader
        current = loader.worker_init_fn
        if current is None or (isinstance(current, partial)
                               and current.func is stock_worker_init):
            loader.worker_init_fn = seed_worker
        # A run without a seed in its config takes it from the checkpoint
        # that it resumes from, but only after the sampler was built.
        seed = runner.seed
        if runner._randomness_cfg.get('diff_rank_seed'):
            seed -= get_rank()
        samplers: list[Any] = [
            loader.sampler,
            getattr(loader.batch_sampler, 'sampler', None)
        ]
        for sampler in samplers:
            if hasattr(sampler, 'seed'):
                sampler.seed = seed

    def before_train_epoch(self, runner) -> None:
        seed_everything(runner.seed, runner.epoch, get_rank())
        _stop_workers(runner.train_dataloader)

    def after_train(self, runner) -> None:
        # Left to the garbage collector, they are waited for for 5 s each.
        _stop_workers(runner.train_dataloader)


def _stop_workers(loader: DataLoader) -> None:
    """End persistent workers; the loader starts new ones when it is used."""
    if loader.persistent_workers:
        loader._iterator = None


def seed_everything(*numbers: int) -> int:
    """Seed python, numpy and torch from a tuple of numbers.

    The numbers are mixed (numpy's ``SeedSequence``), so that neighbouring
    tuples give unrelated streams.

    Args:
        *numbers (int): Non-negative, e.g. seed, epoch and rank.

    Returns:
        int: The 32-bit seed that was used.

    Examples:
        >>> seed_everything(0, 1, 0) == seed_everything(0, 1, 0)
        True
        >>> seed_everything(0, 1, 0) == seed_everything(0, 0, 1)
        False
    """
    seed = int(np.random.SeedSequence(numbers).generate_state(1)[0])
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    return seed
