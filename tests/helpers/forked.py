"""Run a function in a process of its own, without importing all again.

The child is a fork of this process: a start costs milliseconds where a new
interpreter needs many seconds for PyTorch and mmdet. What the child does to
itself (signals, threads, ``os._exit``) stays there.
"""
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path


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
    begin = log.stat().st_size if log.exists() else 0
    start = time.monotonic()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if not pid:
        _child(function, log, environment or {}, cwd)
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            break
        if time.monotonic() - start > timeout:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise TimeoutError(f'{function} took longer than {timeout} s; '
                               f'its output: {log}')
        time.sleep(0.01)
    output = log.read_bytes()[begin:].decode(errors='replace')
    return Done(os.waitstatus_to_exitcode(status), output,
                time.monotonic() - start)


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
        if not isinstance(error, Exception):
            traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)
