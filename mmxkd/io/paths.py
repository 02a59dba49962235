"""Names that come from data and become parts of paths.

A split list, an annotation or an info file may come from anybody. An id such
as ``../../.ssh/key`` would be read, or written, outside of the folder of the
data set. Every id and file name from data passes one of these two checks
before it is joined to a folder.
"""
import os
import re

from mmxkd.errors import CorruptSampleError

# Room for a suffix below the 255 bytes of most file systems.
_MAX_BYTES = 200
_DRIVE = re.compile('[A-Za-z]:')


def checked_name(name: object, path: str | os.PathLike, modality: str,
                 where: str = '') -> str:
    """A frame id, or a file name without a folder.

    Args:
        name: What the data says.
        path (str | PathLike): The file that says it, for the error message.
        modality (str): What that file holds, likewise.
        where (str): Line or entry of the file, likewise.

    Returns:
        str: ``name``.

    Raises:
        CorruptSampleError: It is not a string, empty, has separators, stands
            for a folder (``..``) or a drive, has characters that cannot be
            printed or spaces at its ends, or is too long.

    Examples:
        >>> checked_name('000007', 'train.txt', 'split')
        '000007'
        >>> checked_name('../000007', 'train.txt', 'split', 'line 2')
        Traceback (most recent call last):
        ...
        mmxkd.errors.CorruptSampleError: split: train.txt: line 2: \
'../000007' cannot be used as a name: it has a separator
    """
    fault = _fault_of_name(name)
    if fault:
        _refuse(name, fault, path, modality, where)
    return str(name)


def checked_path(name: object, path: str | os.PathLike, modality: str,
                 where: str = '') -> str:
    """As :func:`checked_name`, for a relative path below a folder.

    Examples:
        >>> checked_path('images/000007.png', 'train.json', 'annotations')
        'images/000007.png'
    """
    if not isinstance(name, str) or not name:
        fault: str | None = 'expected a relative path'
    elif name.startswith(('/', '\\')) or _DRIVE.match(name):
        fault = 'it is not below the folder of the data set'
    else:
        faults = (_fault_of_name(part) for part in name.split('/'))
        fault = next((fault for fault in faults if fault), None)
    if fault:
        _refuse(name, fault, path, modality, where)
    return str(name)


def _fault_of_name(name: object) -> str | None:
    if not isinstance(name, str) or not name:
        return 'expected a name'
    # The common case in one step: ids and file names of published data.
    if name.isascii() and name.replace('_', '').replace('-', '').isalnum():
        return 'it is too long' if len(name) > _MAX_BYTES else None
    if not name.isprintable():
        return 'it has characters that cannot be printed'
    if '/' in name or '\\' in name:
        return 'it has a separator'
    if name in ('.', '..'):
        return 'it leads out of the folder of the data set'
    if _DRIVE.match(name):
        return 'it names a drive'
    if name != name.strip():
        return 'it begins or ends with a space'
    if len(name.encode()) > _MAX_BYTES:
        return 'it is too long'
    return None


def _refuse(name: object, fault: str, path: str | os.PathLike, modality: str,
            where: str) -> None:
    shown = ascii(name)
    if len(shown) > _MAX_BYTES:
        shown = shown[:_MAX_BYTES] + '…'
    prefix = f'{where}: ' if where else ''
    raise CorruptSampleError(
        path, modality, f'{prefix}{shown} cannot be used as a name: {fault}')
