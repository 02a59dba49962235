"""Stop between two iterations when the system asks for it."""
import os
import signal
import time
from types import FrameType

import torch
from mmengine.dist import all_reduce, get_rank, is_distributed
from mmengine.hooks import Hook

from mmxkd.engine.watchdog import SignalWatch
from mmxkd.registry import HOOKS

from .hang_guard_hook import HangGuardHook


@HOOKS.register_module()
class GracefulStopHook(Hook):
    """On SIGTERM or SIGINT, finish the iteration and leave in good order.

    A cluster sends SIGTERM some seconds before it kills. The run then ends
    between two iterations, on all processes at the same one, with the exit
    code that a shell expects (143 for SIGTERM, 130 for SIGINT), and resumes
    exactly from its last checkpoint. No extra checkpoint is written: a state
    from the middle of an epoch could not be resumed exactly, since the order
    of the samples starts anew with the epoch.

    A second signal of the same kind ends the process at once. With several
    processes, one that does not come to the end of its iteration in time
    ends too: it hangs, or waits for a process that is gone, and the launcher
    would wait half a minute before it kills.

    Args:
        patience (float): Seconds from the signal to the end of an iteration,
            with several processes. At least twice the time of the last
            iteration, with what came after it, is granted.
    """

    signals = (signal.SIGTERM, signal.SIGINT)

    def __init__(self, patience: float = 5.0) -> None:
        self.patience = patience

    def before_train(self, runner) -> None:
        self._guards = [
            h for h in runner.hooks if isinstance(h, HangGuardHook)
        ]
        self._alone = not is_distributed()
        self._began, self._last = time.monotonic(), 0.0
        self._watch = SignalWatch(tuple(map(int, self.signals)), self._wait,
                                  self._explain)
        self._received = 0
        self._process = os.getpid()
        self._previous = {
            s: signal.signal(s, self._on_signal) for s in self.signals
        }

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        signal.signal(number, self._previous[signal.Signals(number)])
        if os.getpid() != self._process:
            # A data-loader worker, which was forked with this handler.
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self._received = number

    def _wait(self) -> float:
        if self._alone:
            return float('inf')
        return max(self.patience, 2 * self._last)

    def _explain(self) -> str:
        where = [guard.report() for guard in self._guards]
        return '\n'.join([
            f'rank {get_rank()} was asked to stop, and did not come to the '
            'end of its iteration: it ends now.', *where
        ])

    def before_train_iter(self, runner, batch_idx: int,
                          data_batch=None) -> None:
        now = time.monotonic()
        self._began, self._last = now, now - self._began

    def after_train_iter(self, runner, batch_idx: int, data_batch=None,
                         outputs=None) -> None:
        received = self._received
        if is_distributed():
            shared = torch.tensor(received)
            all_reduce(shared, op='max')
            received = int(shared)
        if received:
            self._watch.stop()
            runner.logger.warning(
                f'{signal.Signals(received).name} received: stopped after '
                f'iteration {runner.iter + 1}. --resume goes on from the '
                'last checkpoint.')
            raise SystemExit(128 + received)

    def after_train(self, runner) -> None:
        self._watch.stop()
        for number, handler in self._previous.items():
            signal.signal(number, handler)
