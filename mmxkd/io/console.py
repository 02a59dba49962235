"""What a command prints: a sign of life, and no noise of other packages.

A run that prints nothing looks like one that hangs. While models are
imported and built, data are checked and checkpoints written, upstream is
silent for minutes on a slow disk. :func:`start` watches what this process
prints, and prints itself what is being done when nothing came for some
seconds. It imports the standard library alone, so that a command calls it
before its slow imports.
"""
import os
import re
import sys
import sysconfig
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

#: Seconds without output until a sign of life. With the time that a busy
#: machine takes to wake the thread up, there is one every 20 seconds.
QUIET = 12.0
#: Seconds from which on the sign of life says how long it has taken.
_LONG = 5.0
_TICK = 0.5
# pycocotools prints them for each data set and each evaluator.
_NOISE = re.compile(r'loading annotations into memory\.\.\.'
                    r'|Done \(t=[\d.]+s\)'
                    r'|creating index\.\.\.'
                    r'|index created!')
# Of other packages about other packages: a user of a config cannot act.
_FUTURE = (DeprecationWarning, FutureWarning, PendingDeprecationWarning)
_STALE = re.compile(r'torch\.meshgrid: in an upcoming release')
_INSTALLED = tuple(
    {sysconfig.get_path(name) for name in ('purelib', 'platlib', 'stdlib')})
# Packages whose functions say where a process is.
_FIELD = ('mmxkd.', 'mmdet', 'mmengine.dataset')
_RANKS = ('RANK', 'SLURM_PROCID', 'OMPI_COMM_WORLD_RANK')


class Console:
    """Prints what a process does when it has printed nothing for a while.

    Args:
        quiet (float): Seconds without output until a sign of life.
    """

    def __init__(self, quiet: float = QUIET) -> None:
        self.quiet = quiet
        self.last = time.monotonic()
        self._doing: str | Callable[[], str] = 'starting'
        self._since = self.last
        self._main = threading.main_thread().ident
        #: Takes warnings that are not shown; until then they are held back.
        self._keep: Callable[[str], None] | None = None
        self._held: list[str] = []

    def doing(self, what: str | Callable[[], str]) -> None:
        """Say what the process does from now on.

        Args:
            what (str | Callable): E.g. ``'building the model'``, or what
                gives it when it is printed.
        """
        self._doing, self._since = what, time.monotonic()

    def keep(self, take: Callable[[str], None]) -> None:
        """Where warnings go that are not shown: the log file."""
        self._keep = take
        for text in self._held:
            take(text)
        self._held.clear()

    def sign(self) -> str:
        """The sign of life that would be printed now."""
        what = self._doing if isinstance(self._doing, str) else self._doing()
        took = time.monotonic() - self._since
        since = f', for {took:.0f} s' if took >= _LONG else ''
        return f'[mmxkd] {what}{since}{self._place()}'

    def _place(self) -> str:
        """The innermost function of a package of the field, if any."""
        frame = sys._current_frames().get(self._main or 0)
        while frame is not None:
            module = str(frame.f_globals.get('__name__'))
            if module != __name__ and module.startswith(_FIELD):
                return f' (in {module}.{frame.f_code.co_name})'
            frame = frame.f_back
        return ''

    def watch(self, stop: threading.Event, write: Callable[[str],
                                                           Any]) -> None:
        """Print signs of life until ``stop`` is set.

        Args:
            stop (Event): Ends this.
            write (Callable): Prints text.
        """
        while not stop.wait(min(_TICK, self.quiet / 4)):
            if time.monotonic() - self.last >= self.quiet:
                write(self.sign() + '\n')
                self.last = time.monotonic()

    def warn(self, message: Warning | str, category: type[Warning],
             filename: str) -> bool:
        """Whether a warning is to be shown; else it is kept."""
        stale = issubclass(category,
                           _FUTURE) and filename.startswith(_INSTALLED)
        if not stale and not _STALE.match(str(message)):
            return True
        text = f'{filename}: {category.__name__}: {message}'
        if self._keep is None:
            self._held.append(text)
        else:
            self._keep(text)
        return False


class Watched:
    """A stream that tells the console when something is printed.

    Args:
        stream: ``sys.stdout`` or ``sys.stderr``.
        console (Console): The console.
    """

    def __init__(self, stream: Any, console: Console) -> None:
        self._stream, self._console = stream, console
        self._swallow = False

    def write(self, text: str) -> int:
        """Write, unless it is a line that says nothing to a user."""
        if _NOISE.fullmatch(text.strip()):
            # `print` writes the end of the line on its own.
            self._swallow = not text.endswith('\n')
            return len(text)
        if self._swallow and text == '\n':
            self._swallow = False
            return 1
        self._swallow = False
        self._console.last = time.monotonic()
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


_current: Console | None = None


def start(doing: str) -> None:
    """Watch what this process prints, until it ends.

    Args:
        doing (str): What it does first, e.g. ``'importing torch'``.

    Of the processes of a distributed run, only the first gives signs of life.
    """
    global _current
    if _current is not None:
        return
    _current = console = Console()
    console.doing(doing)
    write = _writer(sys.stdout)
    sys.stdout = Watched(sys.stdout, console)
    sys.stderr = Watched(sys.stderr, console)
    _show_by(console)
    if all(os.environ.get(name, '0') == '0' for name in _RANKS):
        threading.Thread(target=console.watch, args=(threading.Event(), write),
                         daemon=True, name='mmxkd console').start()


def _writer(stream: Any) -> Callable[[str], Any]:
    """What prints past the locks of a stream, which a fork would keep."""
    try:
        file = stream.fileno()
    except (AttributeError, OSError):
        # In a notebook there is no file.
        return stream.write
    return lambda text: os.write(file, text.encode(errors='replace'))


def _show_by(console: Console) -> None:
    show = warnings.showwarning

    def showwarning(message: Warning | str, category: type[Warning],
                    filename: str, *args: Any, **kwargs: Any) -> None:
        if console.warn(message, category, filename):
            show(message, category, filename, *args, **kwargs)

    warnings.showwarning = showwarning  # type: ignore[assignment]


def doing(what: str | Callable[[], str]) -> None:
    """Say what the process does from now on, where anybody watches."""
    if _current is not None:
        _current.doing(what)


def keep(take: Callable[[str], None]) -> None:
    """Where warnings go that are not shown, where anybody watches."""
    if _current is not None:
        _current.keep(take)
