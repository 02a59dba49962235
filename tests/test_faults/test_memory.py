"""Five hundred steps with all recorders on: nothing piles up."""
import gc
import os

import torch

from tests.helpers.toys import batch, build, mse, step

STEPS = 500


def _held():
    """Tensors and open files of this process."""
    gc.collect()
    # By its class, since asking some lazy objects would change them.
    tensors = sum(issubclass(type(o), torch.Tensor) for o in gc.get_objects())
    return tensors, len(os.listdir('/proc/self/fd'))


def test_nothing_piles_up(record_property):
    model = build(loss_neck=mse(), loss_head=mse('bbox_head.cls@0',
                                                 'bbox_head.cls@0'))
    optimizer = torch.optim.SGD(model.parameters(), 1e-3)
    data = batch()

    def train(steps):
        for _ in range(steps):
            losses = step(model, data)
            total = sum(
                sum(v) if isinstance(v, list) else v
                for k, v in losses.items() if 'loss' in k)
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
        return _held()

    before = train(5)
    assert train(STEPS) == before
    assert not any(r.records for tape in model.distiller.tapes.values()
                   for r in tape.recorders.values())
    record_property('trials', STEPS)


def test_the_count_sees_what_is_kept():
    before = _held()
    kept = torch.ones(1), os.open(os.devnull, os.O_RDONLY)
    try:
        assert _held() == (before[0] + 1, before[1] + 1)
    finally:
        os.close(kept[1])
