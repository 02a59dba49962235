"""Text and JSON from files: right, or refused with file and line.

Labels, calibrations, split lists and annotations come from many editors and
systems. All of them are read here, so that one set of rules holds:

* UTF-8, with or without a byte order mark; UTF-16 and UTF-32 with one.
* Lines end in LF, CRLF or CR.
* Bytes that cannot be decoded, control characters and a mark within the text
  are errors with file and line. Nothing is replaced and nothing is skipped.
"""
import codecs
import json
import os
import re
from pathlib import Path
from typing import Any

from mmxkd.errors import CorruptSampleError

# UTF-32 first: its little-endian mark begins with that of UTF-16.
_MARKS = ((codecs.BOM_UTF32_LE, 'utf-32'), (codecs.BOM_UTF32_BE, 'utf-32'),
          (codecs.BOM_UTF8, 'utf-8-sig'), (codecs.BOM_UTF16_LE, 'utf-16'),
          (codecs.BOM_UTF16_BE, 'utf-16'))
_MARK = '\ufeff'
# All but tab, line feed and carriage return; and the mark.
_STRAY = re.compile('[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\ufeff]')
# What ASCII text in its common form does not have.
_NOT_PLAIN = bytes(k for k in range(32) if k not in (9, 10)) + b'\x7f'


def read_bytes(path: str | os.PathLike, modality: str) -> bytes:
    """All bytes of a local file.

    Raises:
        CorruptSampleError: The file is missing or cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise CorruptSampleError(
            path, modality,
            f'cannot be read ({error.strerror or error})') from error


def read_text(path: str | os.PathLike, modality: str,
              expected: str | None = None) -> str:
    r"""The text of a file, with ``\n`` at the ends of its lines.

    Args:
        path (str | PathLike): The file.
        modality (str): What it holds, for the error message.
        expected (str, optional): What each line holds, likewise.

    Raises:
        CorruptSampleError: The file is missing or cannot be read, or is not
            text; names the file and the line.
    """
    return plain_text(read_bytes(path, modality), path, modality, expected)


def read_lines(path: str | os.PathLike, modality: str,
               expected: str | None = None) -> list[tuple[int, str]]:
    """Number, from 1, and content of all lines that are not blank.

    Args and errors are those of :func:`read_text`; the lines are stripped.
    """
    text = read_text(path, modality, expected)
    return [(number, line.strip())
            for number, line in enumerate(text.split('\n'), start=1)
            if line.strip()]


def plain_text(content: bytes, path: str | os.PathLike, modality: str,
               expected: str | None = None) -> str:
    r"""What :func:`read_text` makes of the bytes of a file.

    Examples:
        >>> plain_text(b'\xef\xbb\xbfCar\r\nVan', 'a.txt', 'label')
        'Car\nVan'
        >>> plain_text('Car'.encode('utf-16'), 'a.txt', 'label')
        'Car'
    """
    text = _decode(content, path, modality, expected)
    text = text.replace('\r\n', '\n').replace('\r', '\n')
    stray = _STRAY.search(text)
    if stray:
        line = text.count('\n', 0, stray.start()) + 1
        raise CorruptSampleError(path, modality,
                                 _reason(line, _describe(stray[0]), expected))
    return text


def plain_bytes(content: bytes, path: str | os.PathLike,
                modality: str) -> bytes:
    r"""As :func:`plain_text`, for readers that work on bytes.

    Plain ASCII, nearly every file of a data set, is passed on as it is. What
    else is text comes as UTF-8 without a mark.

    Examples:
        >>> plain_bytes('Car'.encode('utf-16'), 'a.txt', 'label')
        b'Car'
    """
    # Two passes of C over some hundred bytes: about 1 µs a file.
    if content.isascii() and len(content) == len(
            content.translate(None, _NOT_PLAIN)):
        return content
    return plain_text(content, path, modality).encode()


def _decode(content: bytes, path: str | os.PathLike, modality: str,
            expected: str | None) -> str:
    encoding = next(
        (name for mark, name in _MARKS if content.startswith(mark)), 'utf-8')
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        before = content[:error.start].decode(encoding, 'replace')
        name = encoding.removesuffix('-sig').upper()
        bad = ' '.join(f'0x{byte:02x}'
                       for byte in content[error.start:error.end][:4])
        raise CorruptSampleError(
            path, modality,
            _reason(
                before.count('\n') + 1,
                f'found the bytes {bad}, which are not {name} text',
                expected)) from error


def _reason(line: int, found: str, expected: str | None) -> str:
    if expected is not None:
        return f'line {line}: expected {expected}, {found}'
    return f'cannot be read: line {line}: {found}'


def _describe(character: str) -> str:
    if character == '\0':
        return ('found a NUL byte; UTF-16 needs a byte order mark at the '
                'start of the file')
    if character == _MARK:
        return ('found a byte order mark within the text; were two files '
                'joined?')
    return f'found the control character {character!r}'


def read_json(path: str | os.PathLike, modality: str) -> Any:
    """The content of a JSON file.

    Raises:
        CorruptSampleError: The file is missing or cannot be read, is not
            JSON, or is nested too deep.
    """
    return plain_json(read_bytes(path, modality), path, modality)


def plain_json(content: bytes, path: str | os.PathLike, modality: str) -> Any:
    """What :func:`read_json` makes of the bytes of a file."""
    # JSON refuses control characters itself, with line and column.
    text = _decode(content, path, modality, None)
    try:
        return json.loads(text)
    except RecursionError:
        # Its traceback has a thousand equal lines, and no cause to look for.
        raise CorruptSampleError(
            path, modality,
            'cannot be read: the JSON is nested too deep') from None
    except ValueError as error:
        raise CorruptSampleError(
            path, modality, f'cannot be read: not JSON: {error}') from error


def parse_number(word: str) -> float | None:
    """A number as files have it; None for what only Python takes for one.

    ``float`` also reads ``6_0`` as 60, and digits of other scripts.

    Examples:
        >>> parse_number('-1e3'), parse_number('6_0'), parse_number('x')
        (-1000.0, None, None)
    """
    if '_' in word or not word.isascii():
        return None
    try:
        return float(word)
    except ValueError:
        return None
