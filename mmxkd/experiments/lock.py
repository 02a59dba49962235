"""Two processes never work in one folder at a time."""
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmxkd.errors import ConfigError


@contextmanager
def locked(folder: Path) -> Iterator[int]:
    """Hold the folder's lock.

    Yields the file descriptor of the lock. A child process that inherits it
    holds the lock too: when this process is killed and the child lives on,
    the folder stays locked until the child has ended.

    Args:
        folder (Path): It exists; ``.lock`` in it is the file that is locked.

    Raises:
        ConfigError: Another process holds the lock.
    """
    with open(folder / '.lock', 'ab') as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(
                f'{folder}: another process is at work here, perhaps of a '
                'command that was killed; wait until it ends, or end it'
            ) from None
        yield file.fileno()
