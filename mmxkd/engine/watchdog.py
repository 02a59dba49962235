"""Threads that end a process which cannot end itself."""
import faulthandler
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable

_EXTRA = 5


class Watchdog:
    """Ends the process when nobody has called :meth:`feed` for some time.

    A second timer, in C, is behind the first one: it also works while an
    extension holds the interpreter lock, but it can only show the stack.

    Args:
        timeout (float): Seconds.
        explain (Callable): Gives the text that is printed before the end.
    """

    def __init__(self, timeout: float, explain: Callable[[], str]) -> None:
        self.timeout, self.explain = timeout, explain
        self._stopped = threading.Event()
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._watch, daemon=True,
                                        name='mmxkd watchdog')
        self.feed()
        self._thread.start()

    def feed(self) -> None:
        """There is progress: start the time anew."""
        self._last = time.monotonic()
        if sys.__stderr__ is not None:
            faulthandler.dump_traceback_later(self.timeout + _EXTRA, exit=True,
                                              file=sys.__stderr__)

    def stop(self) -> None:
        """Watch no longer."""
        self._stopped.set()
        faulthandler.cancel_dump_traceback_later()
        self._thread.join()

    def _watch(self) -> None:
        while True:
            left = self._last + self.timeout - time.monotonic()
            if left <= 0:
                leave(self.explain(), 1)
            if self._stopped.wait(min(left, 1)):
                return


class SignalWatch:
    """Ends the process some seconds after a signal that it does not heed.

    Python calls a signal handler between two steps of the main thread, that
    is never while the thread waits in C, e.g. for another process. This
    watch hears of the signal all the same.

    Args:
        patience (dict[int, float]): Signal -> seconds from its arrival to
            the end of the process; infinite for none.
        explain (Callable): Gives the text that is printed before the end.
    """

    # A second signal ends the process at once. This leaves the main thread
    # the time to do so by itself, in better order.
    at_once = 2.0

    def __init__(self, patience: dict[int, float],
                 explain: Callable[[], str]) -> None:
        self.patience, self.explain = patience, explain
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
                leave(self.explain(), 128 + seen)
            if not received:
                return
            if received[0] in self.patience:
                wait = self.at_once if seen else self.patience[received[0]]
                seen = received[0]
                end = min(end, time.monotonic() + wait)


# What a forked worker must not write to: its signals are not ours.
_watching: set[int] = set()


def _forget_in_the_child() -> None:
    if _watching:
        signal.set_wakeup_fd(-1)
        _watching.clear()


os.register_at_fork(after_in_child=_forget_in_the_child)


def leave(text: str, code: int) -> None:
    """Print, and end this process though its main thread goes on."""
    stack = ''.join(
        traceback.format_stack(
            sys._current_frames()[threading.main_thread().ident or 0])[-6:])
    message = f'{text}\nThe main thread of this process is here:\n{stack}'
    os.write(2, message.encode())
    os._exit(code)
