"""One process of a distributed run whose losses stop one after the other.

torchrun --nproc_per_node=2 tests/helpers/ddp_run.py WORK_DIR
"""
import sys
from pathlib import Path

import torch

import mmxkd  # noqa: F401
from tests.helpers.stopping_losses import algorithm, runs, stop_after
from tests.helpers.toys import runner


def main() -> None:
    torch.set_num_threads(1)
    model = algorithm(a=stop_after(2), adv=stop_after(1, 0.1))
    run = runner(model, sys.argv[1], dict(by_epoch=True, max_epochs=2),
                 launcher='pytorch',
                 env_cfg=dict(dist_cfg=dict(backend='gloo')))
    run.train()
    wrapped = type(run.model).__name__
    assert wrapped == 'MMDistributedDataParallel', wrapped
    assert not run.model.find_unused_parameters
    total = sum(p.double().abs().sum().item() for p in model.parameters())
    Path(sys.argv[1], f'rank_{run.rank}.txt').write_text(
        f'teacher ran {runs(model)} times, weights {total:.12f}')


if __name__ == '__main__':
    main()
