"""Run a function in a process of its own, without importing all again.

The child is a fork of this process: a start costs milliseconds where a new
interpreter needs many seconds for PyTorch and mmdet. What the child does to
itself (signals, threads, ``os._exit``) stays there.
"""
import importlib.util
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2

_GRACE = 30


@dataclass
class Done:
    """How a child ended.

    Args:
        code (int): Its exit code; negative: the signal that ended it.
        output (str): Of both streams.
        seconds (float): It took.
    """
    code: int
    output: str
    seconds: float


def run_forked(function: Callable[[], object], log: Path, timeout: float = 120,
               environment: Mapping | None = None,
               cwd: Path | None = None) -> Done:
    """Call ``function`` in a child; wait for its end.

    Args:
        function (Callable): What it does. Its exit code is 0 where the
            function returns, that of ``SystemExit``, or 1 after an error.
        log (Path): Where its output is appended.
        timeout (float): Seconds, after which it is killed.
        environment (Mapping, optional): Variables to set in the child.
        cwd (Path, optional): Its working directory.

    Raises:
        TimeoutError: It had to be killed.
    """
    return run_ranks(function, 1, log, timeout, environment, cwd)[0]


def run_ranks(function: Callable[[], object], number: int, log: Path,
              timeout: float = 120, environment: Mapping | None = None,
              cwd: Path | None = None) -> list[Done]:
    """The same in several children, as ``torchrun`` starts and ends them.

    Each child gets ``RANK``, ``LOCAL_RANK`` and ``WORLD_SIZE``; the address
    is up to ``environment``. When one fails, the others get SIGTERM, and 30
    seconds later SIGKILL.

    Returns:
        list[Done]: Of each rank; the output is that of all.
    """
    begin = log.stat().st_size if log.exists() else 0
    start, grace = time.monotonic(), float('inf')
    sys.stdout.flush()
    sys.stderr.flush()
    # A child that ends OpenCV's threads, as converters do, waits for ever for
    # those that it lacks: they must end before.
    cv2.setNumThreads(1)
    running: dict[int, int] = {}
    for rank in range(number):
        mine = dict(environment or {})
        if number > 1:
            mine.update(RANK=str(rank), LOCAL_RANK=str(rank),
                        WORLD_SIZE=str(number))
        pid = os.fork()
        if not pid:
            _child(function, log, mine, cwd)
        running[pid] = rank
    codes, seconds = [0] * number, [0.] * number
    while running:
        for pid in [*running]:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                rank = running.pop(pid)
                codes[rank] = os.waitstatus_to_exitcode(status)
                seconds[rank] = time.monotonic() - start
        now = time.monotonic()
        if any(codes) and running and grace == float('inf'):
            grace = now + _GRACE
            _signal(running, signal.SIGTERM)
        if now > min(grace, start + timeout):
            _signal(running, signal.SIGKILL)
        time.sleep(0.01)
    if time.monotonic() - start > timeout:
        raise TimeoutError(f'{function} took longer than {timeout} s; its '
                           f'output: {log}')
    output = log.read_bytes()[begin:].decode(errors='replace')
    return [Done(c, output, s) for c, s in zip(codes, seconds, strict=True)]


def _signal(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        # It is ours, and nobody has waited for it yet.
        os.kill(pid, number)


def main_of(script: Path, *args: object) -> Callable[[], object]:
    """What runs a script such as ``tools/train.py`` with arguments.

    It is imported here, so that a child need not.
    """
    spec = importlib.util.spec_from_file_location(script.stem, script)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def run() -> None:
        sys.argv = [str(script), *map(str, args)]
        module.main()

    return run


def _child(function: Callable[[], object], log: Path, environment: Mapping,
           cwd: Path | None) -> None:
    code = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(file, 1)
        os.dup2(file, 2)
        sys.stdout = sys.__stdout__ = open(  # type: ignore[misc]
            1, 'w', buffering=1, closefd=False)
        sys.stderr = sys.__stderr__ = open(  # type: ignore[misc]
            2, 'w', buffering=1, closefd=False)
        os.environ.update(environment)
        if cwd is not None:
            os.chdir(cwd)
        function()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)
