import os
import signal

import pytest
import torch

HOOKS = [dict(type='mmxkd.EpochSeedHook'), dict(type='mmxkd.GracefulStopHook')]
SAVE = dict(type='mmxkd.SafeCheckpointHook', interval=1)


@pytest.fixture
def handlers():
    before = {s: signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGINT)}
    yield before
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize('number, code', [(signal.SIGTERM, 143),
                                          (signal.SIGINT, 130)])
def test_stops_between_iterations_and_resumes_exactly(toy_runner, tmp_path,
                                                      handlers, number, code):
    whole = toy_runner(work_dir=tmp_path / 'whole', custom_hooks=HOOKS)
    whole.train()
    assert {s: signal.getsignal(s) for s in handlers} == handlers

    stopped = toy_runner(custom_hooks=HOOKS, checkpoint=SAVE)

    def send(iteration):
        if iteration == 6:
            os.kill(os.getpid(), number)
        return 1.

    stopped.model.spoil = send
    with pytest.raises(SystemExit) as stop:
        stopped.train()
    assert stop.value.code == code
    assert len(stopped.model.batches) == 6  # finished the sixth

    resumed = toy_runner(custom_hooks=HOOKS, checkpoint=SAVE, resume=True)
    resumed.train()
    assert len(resumed.model.batches) == 8
    assert torch.equal(resumed.model.linear.weight, whole.model.linear.weight)
