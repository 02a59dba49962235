"""What the record of a run and the state between steps add to it.

RetinaNet with a ResNet-50, 2 pictures of 512×512 with 10 boxes each:

* step: the calls of ``StepStateHook`` and ``RunRecordHook`` against a
  training step without them. Bar: ≤ 1 %.
* start: the hash of the weights of such a teacher against building it; once
  per run.

All run in one process, interleaved; CPU time of one thread; median of the
ratios round by round, and their quartiles.

Usage: ``python benchmarks/resume_guard.py [--rounds 7] [--size 512]``
"""
from types import SimpleNamespace
from typing import Any

import torch
from finite_guard import batch
from interleaved import interleave, print_added, ratio
from mmengine.hooks import EMAHook, Hook
from mmengine.hub import get_config

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.engine.hooks import (
    RunRecordHook,
    SafeCheckpointHook,
    StepStateHook,
)
from mmxkd.engine.model_config import build_model
from mmxkd.engine.run_record import hash_of_weights


def measure(size: int, rounds: int) -> dict[str, tuple[float, float, float]]:
    """Median and quartiles of each ratio."""
    cfg = get_config('mmdet::retinanet/retinanet_r50_fpn_1x_coco.py').model
    cfg.backbone.init_cfg = None
    model: Any = build_model(cfg, 'mmdet').train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-5)
    data = batch(size)
    ours: list[Hook] = [StepStateHook(), RunRecordHook()]
    # As many as a run has, and checkpoints by iteration: they are asked.
    others = [EMAHook() for _ in range(10)]
    saving = SafeCheckpointHook(by_epoch=False, interval=1000)
    runner = SimpleNamespace(hooks=[*ours, *others, saving], iter=6,
                             max_iters=9000)

    def step() -> None:
        optimizer.zero_grad()
        losses = model(**data, mode='loss')
        model.parse_losses(losses)[0].backward()
        optimizer.step()

    def hooks() -> None:
        for hook in ours:
            hook.before_train_iter(runner, batch_idx=6)
            hook.after_train_iter(runner, batch_idx=6)

    seconds = interleave(
        {
            'step': step, 'guard of a step': hooks,
            'start': lambda: build_model(cfg, 'mmdet'),
            'guard of a start': lambda: hash_of_weights(model)
        }, rounds)
    return {
        name: ratio(seconds, f'guard of a {name}', name)
        for name in ('step', 'start')
    }


if __name__ == '__main__':
    print_added(__doc__, measure, digits=3)
