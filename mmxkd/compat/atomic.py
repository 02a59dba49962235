"""Files that are either whole or not there."""
import glob
import os
import os.path as osp
from collections.abc import Callable
from typing import Any, BinaryIO

#: Ending of a file that is being written. The name does not vary, so that a
#: writer that was killed leaves at most one per file, and the next replaces
#: it.
PARTIAL = '.partial'


def write_atomic(path: str, write: Callable[[BinaryIO], Any],
                 durable: bool = True) -> None:
    """Let ``write(file)`` fill a file that appears under ``path`` when done.

    The bytes go to a temporary name in the same folder, are flushed to the
    disk, and get their name by ``os.replace``. So at every moment, also when
    the process is killed or the power fails, ``path`` holds the old content
    or the new one, whole.

    Args:
        path (str): Local path. Its folder is made when missing.
        write (Callable): Gets the open binary file.
        durable (bool): Whether to wait for the disk. Without, a power
            failure may lose the file, a killed process may not; for
            thousands of small files that can be written again.

    Raises:
        OSError: E.g. for a full disk. The old file stands, the temporary one
            is removed.
    """
    folder = osp.dirname(osp.abspath(path))
    os.makedirs(folder, exist_ok=True)
    partial = path + PARTIAL
    try:
        with open(partial, 'wb') as file:
            write(file)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        if osp.exists(partial):
            os.remove(partial)
        raise
    if durable:
        _sync_folder(folder)


def remove_partial(folder: str) -> list[str]:
    """Remove what killed writers left in ``folder``; return their paths."""
    left = sorted(glob.glob(osp.join(glob.escape(folder), '*' + PARTIAL)))
    for path in left:
        os.remove(path)
    return left


def _sync_folder(folder: str) -> None:
    """Make the new name itself survive a power failure (POSIX only)."""
    if os.name != 'posix':
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
