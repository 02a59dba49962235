"""Named arrays and a note in one checksummed file.

The file is what ``numpy.savez`` writes: a zip archive of ``.npy`` members,
not compressed, so that ``numpy.load`` opens it. Beside the arrays it holds
``note.json``. Each member has the CRC-32 of its bytes, which every read
checks. Nothing is pickled.
"""
import io
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from .atomic import write_atomic

NOTE = 'note.json'
#: What zipfile and numpy raise for a damaged archive of arrays, by where the
#: damage is.
ARCHIVE_FAULTS = (zipfile.BadZipFile, zlib.error, ValueError, KeyError,
                  EOFError, NotImplementedError, RuntimeError, struct.error,
                  SyntaxError)


class DamagedFileError(ValueError):
    """A file that exists does not hold what was written into it.

    Args:
        path (str): The file.
        reason (str): What is wrong with it.
    """

    def __init__(self, path: str | os.PathLike, reason: str) -> None:
        self.path, self.reason = os.fspath(path), reason
        super().__init__(self.path, reason)

    def __str__(self) -> str:
        return f'{self.path}: damaged ({self.reason})'


class ArrayFile:
    """A file of :func:`write_arrays`, open for reading.

    Args:
        path (str | os.PathLike): For messages.
        archive (zipfile.ZipFile): Its content.

    Attributes:
        note: What was written beside the arrays.
    """

    def __init__(self, path: str | os.PathLike,
                 archive: zipfile.ZipFile) -> None:
        self.path, self._archive = path, archive
        self.note = json.loads(self._bytes(NOTE))

    def _bytes(self, member: str) -> bytes:
        if self._archive.getinfo(member).compress_type != zipfile.ZIP_STORED:
            raise ValueError(f'{member} is compressed')
        return self._archive.read(member)

    def __getitem__(self, name: str) -> np.ndarray:
        """A read-only view of one array; its checksum was compared."""
        data = self._bytes(f'{name}.npy')
        head = io.BytesIO(data)
        if np.lib.format.read_magic(head) != (1, 0):
            raise ValueError(f'{name}.npy has another version')
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(head)
        if fortran or dtype.hasobject:
            raise ValueError(f'{name}.npy has order {fortran} and {dtype}')
        array = np.frombuffer(data, dtype, offset=head.tell())
        return array.reshape(shape)


def write_arrays(path: str | os.PathLike, arrays: Mapping[str, np.ndarray],
                 note: Any) -> None:
    """Write a file that appears when it is whole.

    Args:
        path (str | os.PathLike): Where; the folder is made when missing.
        arrays (dict[str, np.ndarray]): By name; of numbers.
        note: JSON that stands beside them.

    Raises:
        OSError: E.g. for a full disk; it names ``path``. Nothing is left.
    """

    def write(file: Any) -> None:
        with zipfile.ZipFile(file, 'w', zipfile.ZIP_STORED) as archive:
            # Of one fixed date, so that equal content is equal bytes.
            archive.writestr(zipfile.ZipInfo(NOTE),
                             json.dumps(note, sort_keys=True))
            for name, array in arrays.items():
                info = zipfile.ZipInfo(f'{name}.npy')
                with archive.open(info, 'w', force_zip64=True) as member:
                    np.lib.format.write_array(member,
                                              np.ascontiguousarray(array),
                                              (1, 0), allow_pickle=False)

    write_atomic(path, write, durable=False)


@contextmanager
def open_arrays(path: str | os.PathLike) -> Iterator[ArrayFile]:
    """Open a file of :func:`write_arrays`.

    Raises:
        DamagedFileError: It is cut off, a checksum differs, or it is
            another kind of file; also from reads inside the block.
        OSError: It cannot be read at all, e.g. because it is not there.
    """
    # At once: a damaged place in the file is then never an error of the disk.
    with open(path, 'rb') as file:
        content = io.BytesIO(file.read())
    try:
        with zipfile.ZipFile(content) as archive:
            yield ArrayFile(path, archive)
    except DamagedFileError:
        raise
    except ARCHIVE_FAULTS as error:
        reason = str(error) or type(error).__name__
        raise DamagedFileError(path, reason) from error
