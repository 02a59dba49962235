"""Files that are either whole or not there."""
import errno
import glob
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, cast

#: Ending of a file that is being written.
PARTIAL = '.partial'


def write_atomic(path: str | os.PathLike, write: Callable[[BinaryIO], Any],
                 durable: bool = True) -> None:
    """Let ``write(file)`` fill a file that appears under ``path`` when done.

    The bytes go to a temporary name in the same folder, are flushed to the
    disk, and get their name by ``os.replace``. So at every moment, also when
    the process is killed or the power fails, ``path`` holds the old content
    or the new one, whole.

    Args:
        path (str | os.PathLike): Local path. Its folder is made when missing.
        write (Callable): Gets the open binary file.
        durable (bool): Whether to wait for the disk. Without, a power
            failure may lose the file, a killed process may not; for
            thousands of small files that can be written again.

    Raises:
        OSError: E.g. for a full disk; it names ``path``. The old file stays,
            the temporary one is removed.
    """
    path = os.fspath(path)
    folder = os.path.dirname(os.path.abspath(path))
    os.makedirs(folder, exist_ok=True)
    # The process id keeps two writers of one file apart.
    partial = f'{path}.{os.getpid()}{PARTIAL}'
    noting = None
    try:
        with open(partial, 'wb') as file:
            noting = _Noting(file)
            write(cast(BinaryIO, noting))
            if noting.fault:
                raise noting.fault
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException as error:
        if os.path.lexists(partial):
            os.remove(partial)
        fault = noting.fault if noting and noting.fault else error
        if isinstance(fault, OSError) and fault.errno and not fault.filename:
            raise OSError(fault.errno, fault.strerror, path) from error
        raise
    if durable:
        _sync_folder(folder)


class _Noting:
    """A file that notes why a write failed.

    Writers in C++ (``torch.save``) drop the error of the system and raise
    one of their own, which does not say that the disk is full.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.fault: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            return self._file.write(data)
        except OSError as error:
            self.fault = self.fault or error
            raise

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Write one of many small files, atomically but not durably."""
    write_atomic(path, lambda file: file.write(data), durable=False)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write UTF-8 text, as :func:`write_bytes`."""
    write_bytes(path, text.encode('utf-8'))


def write_json(path: str | os.PathLike, content: Any, indent: int = 1) -> None:
    """Write JSON with sorted keys, as :func:`write_bytes`."""
    write_text(path, json.dumps(content, indent=indent, sort_keys=True) + '\n')


def remove_partial(folder: str | os.PathLike,
                   recursive: bool = False) -> list[str]:
    """Remove what killed writers left in a folder; return their paths.

    Args:
        folder (str | os.PathLike): Where to look.
        recursive (bool): Whether to look in its sub-folders too.
    """
    pattern = '**/*' if recursive else '*'
    root = glob.escape(os.fspath(folder))
    left = sorted(
        glob.glob(os.path.join(root, pattern + PARTIAL), recursive=recursive))
    for path in left:
        Path(path).unlink(missing_ok=True)
    return left


def _sync_folder(folder: str) -> None:
    """Make the new name itself survive a power failure (POSIX only).

    File systems of other machines and of user space (SMB, FUSE) may not know
    this for folders. The file is whole and in its place by then.
    """
    if os.name != 'posix':
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
