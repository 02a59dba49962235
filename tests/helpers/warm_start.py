"""Run scripts of this checkout without seconds of imports for each.

PyTorch and mmdet take seconds of a core to import, and the tests run some
hundred commands. A server, ``python -m tests.helpers.warm_start``, imports
them once and forks for each command. What a fork does is what a new
interpreter would do with the script: its arguments, environment, working
directory, streams and end are its own, and of ``mmxkd`` no more is imported
than ``import mmxkd`` does.

Variables that modules read while they are imported come too late: run such a
command in a new interpreter.
"""
import atexit
import functools
import gc
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

REPO = Path(__file__).resolve().parents[2]


def run_script(script: Path, *args: object,
               environment: Mapping[str, str] | None = None, cwd: Path = REPO,
               timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """``python SCRIPT ARGS`` in a fork of the server.

    Args:
        script (Path): Whose ``__name__`` is ``'__main__'``.
        *args: Its arguments, as ``str`` makes them.
        environment (Mapping, optional): All its variables; default: those of
            this process.
        cwd (Path): Its working directory.
        timeout (float): Seconds, after which it is killed.

    Raises:
        subprocess.TimeoutExpired: It had to be killed.
    """
    command = [str(script), *map(str, args)]
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder, name) for name in ('stdout', 'stderr')]
        code = _server().run(
            dict(command=command, environment=dict(environment or os.environ),
                 cwd=str(cwd), streams=[*map(str, streams)]), timeout)
        texts = [path.read_text(errors='replace') for path in streams]
    return subprocess.CompletedProcess(command, code, *texts)


class _Server:
    """The process that imports once; it ends with this one."""

    def __init__(self) -> None:
        command = [sys.executable, '-m', __name__]
        self._process = subprocess.Popen(command, cwd=REPO, text=True,
                                         stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE,
                                         start_new_session=True)
        atexit.register(self._process.kill)

    def run(self, request: dict, timeout: float) -> int:
        """Exit code of a command; negative: the signal that ended it."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        stdin.write(json.dumps(request) + '\n')
        stdin.flush()
        if not select.select([stdout], [], [], timeout)[0]:
            # The next command gets a server of its own.
            os.killpg(self._process.pid, signal.SIGKILL)
            _server.cache_clear()
            raise subprocess.TimeoutExpired(request['command'], timeout)
        reply = stdout.readline()
        if not reply:
            raise RuntimeError(f'the server of {self._process.args} has ended')
        return int(reply)


_server = functools.cache(_Server)


def _wait_for_a_command(replies: TextIO) -> dict:
    """Fork for each request; returns it in the fork alone."""
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            replies.close()
            return json.loads(line)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), file=replies)
    sys.exit()


def _become(request: dict) -> None:
    """Make this process the one that was asked for."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    for number, path in enumerate(request['streams'], 1):
        os.dup2(os.open(path, flags, 0o644), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(request['environment'])
    os.chdir(request['cwd'])
    sys.argv = request['command']
    paths = request['environment'].get('PYTHONPATH', '').split(os.pathsep)
    sys.path[0] = os.path.dirname(sys.argv[0])
    sys.path[1:1] = [path for path in paths if path not in sys.path]


def _serve() -> None:
    # Replies go where nothing else is printed.
    replies = os.fdopen(os.dup(1), 'w', buffering=1)
    os.dup2(2, 1)
    import mmxkd  # noqa: F401, I001
    import mmdet.apis
    import mmdet.datasets
    import mmdet.engine
    import mmdet.evaluation
    import mmdet.models
    import mmdet.visualization  # noqa: F401
    gc.collect()
    gc.freeze()
    _become(_wait_for_a_command(replies))
    runpy.run_path(sys.argv[0], run_name='__main__')


if __name__ == '__main__':
    _serve()
