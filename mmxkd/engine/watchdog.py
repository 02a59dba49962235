"""Threads that end a process which cannot end itself."""
import contextlib
import faulthandler
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from types import FrameType

_TICK = 1.0
_EXTRA = 3.0


class Watchdog:
    """Ends the process when its main thread makes no progress for some time.

    Time counts only while this process can run: a laptop that sleeps, and a
    process that was stopped, do not hang. Neither does one in a debugger.

    A second timer, in C, is behind the thread: it also works while an
    extension holds the interpreter lock, but it can only show the stack.

    Args:
        timeout (float): Seconds.
        explain (Callable): Called when they are over. It gives the text that
            is printed before the end, or None: go on waiting.
        counts (Callable): Whether time counts at all, by the stack of the
            main thread.
    """

    def __init__(
        self, timeout: float, explain: Callable[[], str | None],
        counts: Callable[[FrameType | None],
                         bool] = lambda frame: True) -> None:
        self.timeout, self.explain, self.counts = timeout, explain, counts
        self._beats, self._limited = 0, False
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._watched = threading.get_ident()
        self._thread = threading.Thread(target=self._watch, daemon=True,
                                        name='mmxkd watchdog')
        self._thread.start()

    def feed(self, limited: bool = True) -> None:
        """There is progress: start the time anew.

        Args:
            limited (bool): Whether what follows has to end in time.
        """
        self._beats += 1
        if limited != self._limited:
            with self._lock:
                self._limited = limited
                if not limited:
                    faulthandler.cancel_dump_traceback_later()

    def stop(self) -> None:
        """Watch no longer."""
        self._stopped.set()
        self._thread.join()
        faulthandler.cancel_dump_traceback_later()

    def _watch(self) -> None:
        tick = min(_TICK, self.timeout / 4)
        quiet, beats, last = 0.0, -1, time.monotonic()
        while not self._stopped.wait(tick):
            now, counts = time.monotonic(), self._counts()
            # Longer than two ticks: it was stopped, and not the main thread.
            quiet += min(now - last, 2 * tick)
            last = now
            with self._lock:
                if beats != self._beats or not (counts and self._limited):
                    quiet, beats = 0.0, self._beats
                if counts and self._limited:
                    self._arm()
                else:
                    faulthandler.cancel_dump_traceback_later()
            if quiet >= self.timeout:
                text = _said_by(self.explain)
                if text is not None and beats == self._beats:
                    leave(text, 1)

    def _counts(self) -> bool:
        frame = sys._current_frames().get(self._watched)
        return self.counts(frame) and not any(f.f_trace
                                              for f in _outwards(frame))

    def _arm(self) -> None:
        if sys.__stderr__ is not None:
            faulthandler.dump_traceback_later(self.timeout + _EXTRA, exit=True,
                                              file=sys.__stderr__)


def runs_in(package: str) -> Callable[[FrameType | None], bool]:
    """Whether a stack leads through a package, e.g. ``'mmengine.runner'``."""

    def test(frame: FrameType | None) -> bool:
        return any(
            str(f.f_globals.get('__name__')).startswith(package)
            for f in _outwards(frame))

    return test


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


class SignalWatch:
    """Ends the process some seconds after a signal that it does not heed.

    Python calls a signal handler between two steps of the main thread, that
    is never while the thread waits in C, e.g. for another process. This
    watch hears of the signal all the same.

    Args:
        signals (Sequence[int]): Those to watch.
        patience (Callable): Gives the seconds from the arrival of the signal
            to the end of the process; infinite for none.
        explain (Callable): Gives the text that is printed before the end.
    """

    # A second signal ends the process at once. This leaves the main thread
    # the time to do so by itself, in better order.
    at_once = 2.0

    def __init__(self, signals: tuple[int, ...], patience: Callable[[], float],
                 explain: Callable[[], str]) -> None:
        self.signals, self.patience = signals, patience
        self.explain = explain
        self._ours, self._theirs = socket.socketpair()
        self._theirs.setblocking(False)
        self._previous = signal.set_wakeup_fd(self._theirs.fileno(),
                                              warn_on_full_buffer=False)
        _watching.add(self._theirs.fileno())
        self._thread = threading.Thread(target=self._watch, daemon=True,
                                        name='mmxkd signals')
        self._thread.start()

    def stop(self) -> None:
        """Watch no longer; only in the main thread."""
        _watching.discard(self._theirs.fileno())
        signal.set_wakeup_fd(self._previous)
        self._theirs.close()
        self._thread.join()
        self._ours.close()

    def _watch(self) -> None:
        end, seen = float('inf'), 0
        while True:
            left = end - time.monotonic()
            self._ours.settimeout(None if left ==
                                  float('inf') else max(left, 0.001))
            try:
                received = self._ours.recv(1)
            except TimeoutError:
                leave(_said_by(self.explain) or '', 128 + seen)
            if not received:
                return
            if received[0] in self.signals:
                wait = self.at_once if seen else self.patience()
                seen = received[0]
                end = min(end, time.monotonic() + wait)


# What a forked worker must not write to: its signals are not ours.
_watching: set[int] = set()


def _forget_in_the_child() -> None:
    if _watching:
        signal.set_wakeup_fd(-1)
        _watching.clear()


os.register_at_fork(after_in_child=_forget_in_the_child)


def _said_by(explain: Callable[[], str | None]) -> str | None:
    """The explanation; its own error in its place, since all has to end."""
    try:
        return explain()
    except Exception:
        return traceback.format_exc()


def leave(text: str, code: int) -> None:
    """Print, and end this process though its main thread goes on.

    Its data-loader workers end too: one that hangs does not notice that it
    is alone.
    """
    stack = ''.join(
        traceback.format_stack(
            sys._current_frames()[threading.main_thread().ident or 0])[-6:])
    message = f'{text}\nThe main thread of this process is here:\n{stack}'
    os.write(2, message.encode(errors='replace'))
    for child in multiprocessing.active_children():
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid or 0, signal.SIGKILL)
    os._exit(code)
