"""Label and result folders of KITTI: one text file a frame."""
import os
import warnings
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mmxkd.errors import ConfigError, CorruptSampleError, did_you_mean
from mmxkd.io.atomic import write_atomic
from mmxkd.io.paths import checked_name
from mmxkd.io.text import plain_bytes

from .objects import COLUMNS, KittiObjects, canonical_names, find_fault

LABEL_FIELDS = 15
RESULT_FIELDS = 16


def read_labels(folder: str | os.PathLike,
                frame_ids: Iterable[str] | None = None) -> KittiObjects:
    """Read the ground truth of many frames.

    Args:
        folder (str | os.PathLike): Holds ``<frame_id>.txt``, as ``label_2``.
        frame_ids (Iterable[str], optional): Frames to read; all if not given.

    Raises:
        ConfigError: The folder or the file of a frame is not there.
        CorruptSampleError: A file cannot be read, or is not text; a line
            does not have 15 fields, or has an object that
            :func:`~.objects.find_fault` refuses. Names file and line.
    """
    return _read_folder(Path(folder), frame_ids, LABEL_FIELDS, 'label')


def read_results(folder: str | os.PathLike,
                 frame_ids: Iterable[str] | None = None) -> KittiObjects:
    """Read detections: as :func:`read_labels`, with a 16th field, the score.

    A frame without detections has an empty file: a missing one is an error,
    since it usually means that a detector did not finish. The files may lie
    in ``data/`` of the folder: see :func:`result_folder`.
    """
    return _read_folder(result_folder(folder), frame_ids, RESULT_FIELDS,
                        'result')


def result_folder(folder: str | os.PathLike) -> Path:
    """Where the result files of a folder lie: in it, or in its ``data/``.

    The devkit reads ``results/<name>/data/``; whoever is given
    ``results/<name>`` finds them too.
    """
    folder = Path(folder)
    below = folder / 'data'
    if below.is_dir() and not any(folder.glob('*.txt')):
        return below
    return folder


def read_label_file(path: str | os.PathLike) -> KittiObjects:
    """Read the labels of one frame; see :func:`read_labels`."""
    return _read([Path(path)], LABEL_FIELDS, 'label')


def write_labels(folder: str | os.PathLike, objects: KittiObjects) -> None:
    """Write one label file for each frame, without scores."""
    _write(Path(folder), objects, LABEL_FIELDS)


def write_results(folder: str | os.PathLike, objects: KittiObjects) -> None:
    """Write one result file for each frame, also for those without objects.

    Numbers are written so that they are read back exactly: rounded scores
    tie, and ties move the AP.

    Raises:
        ValueError: The objects have no scores.
    """
    if objects.score is None:
        raise ValueError('result files need scores')
    _write(Path(folder), objects, RESULT_FIELDS)


def frame_ids_of(folder: str | os.PathLike) -> list[str]:
    """Frames that have a file in a folder, sorted.

    Raises:
        ConfigError: The folder is not there or holds no text file.
    """
    path = Path(folder)
    if not path.is_dir():
        near = [str(p) for p in path.parent.iterdir()
                if p.is_dir()] if path.parent.is_dir() else []
        raise ConfigError(f'no folder {str(path)!r}; '
                          + did_you_mean(str(path), near))
    found = sorted(name[:-4] for name in os.listdir(path)
                   if name.endswith('.txt'))
    if not found:
        raise ConfigError(f'{path}: expected files <frame_id>.txt, found none')
    return found


def _read_folder(folder: Path, frame_ids: Iterable[str] | None, fields: int,
                 kind: str) -> KittiObjects:
    there = frame_ids_of(folder)
    if frame_ids is None:
        frame_ids = there
    else:
        frame_ids = [checked_name(i, folder, 'frame id') for i in frame_ids]
        missing = sorted(set(frame_ids) - set(there))
        if missing:
            shown = ', '.join(missing[:5]) + (', …' if missing[5:] else '')
            raise ConfigError(
                f'{folder}: no {kind} file for {len(missing)} of '
                f'{len(frame_ids)} frames: {shown}')
    return _read([folder / f'{frame_id}.txt' for frame_id in frame_ids],
                 fields, kind)


def _read(paths: Sequence[Path], fields: int, kind: str) -> KittiObjects:
    counts: list[int] = []
    lines: list[bytes] = []
    for path in paths:
        try:
            # For thousands of small files a buffer costs more than reading.
            with open(path, 'rb', buffering=0) as file:
                content = file.read()
        except OSError as error:
            raise CorruptSampleError(
                path, kind, f'cannot be read ({error.strerror})') from error
        found = plain_bytes(content, path, kind).split(b'\n')
        found = [line for line in found if line and not line.isspace()]
        counts.append(len(found))
        lines += found
    frame = np.repeat(np.arange(len(paths)), counts)
    values = _numbers(lines, fields)
    if values is None:
        values = _numbers_one_by_one(lines, fields, kind, paths, frame)
    names = [
        line.split(None, 1)[0].decode('utf-8', 'replace') for line in lines
    ]
    objects = KittiObjects(tuple([path.stem for path in paths]), frame,
                           canonical_names(names), **_columns(values))
    fault = find_fault(objects)
    if fault is not None:
        raise _error(fault[0], fault[1], kind, paths, frame)
    return objects


def _numbers(lines: Sequence[bytes], fields: int) -> np.ndarray | None:
    """All numbers, (N, fields - 1), of lines written in the common way."""
    if not all([line.count(b' ') == fields - 1 for line in lines]):
        return None
    text = b' '.join([line[line.index(b' '):] for line in lines])
    if b'\t' in text:  # a field more and a space less would go unnoticed
        return None
    with warnings.catch_warnings():
        # What cannot be read is looked for line by line, with its number.
        # numpy itself only warns, and gives 0.5 for a last '0.5x'.
        warnings.simplefilter('error', DeprecationWarning)
        try:
            values = np.fromstring(text, sep=' ')
        except (ValueError, DeprecationWarning):
            return None
    size = len(lines) * (fields - 1)
    return values.reshape(-1, fields - 1) if len(values) == size else None


def _numbers_one_by_one(lines: Sequence[bytes], fields: int, kind: str,
                        paths: Sequence[Path],
                        frame: np.ndarray) -> np.ndarray:
    values = np.empty((len(lines), fields - 1))
    for index, line in enumerate(lines):
        found = line.split()
        reason = None
        if len(found) != fields:
            reason = f'expected {fields} fields, found {len(found)}'
            if len(found) == fields - 1 == LABEL_FIELDS:
                reason += '; is the score missing?'
        for column, text in enumerate(found[1:fields]):
            try:
                # Python alone takes 1_0 for 10.
                values[index, column] = float(text.replace(b'_', b'?'))
            except ValueError:
                reason = reason or (f'field {column + 2} is not a number: '
                                    f'{text.decode("utf-8", "replace")!r}')
        if reason is not None:
            raise _error(index, reason, kind, paths, frame)
    return values


def _columns(values: np.ndarray) -> dict[str, np.ndarray]:
    columns, start = {}, 0
    by_column = np.ascontiguousarray(values.T)
    for name, (width, _) in COLUMNS.items():
        if start < len(by_column):
            columns[name] = by_column[start] if width == 1 else (
                np.ascontiguousarray(by_column[start:start + width].T))
        start += width
    return columns


def _error(index: int, reason: str, kind: str, paths: Sequence[Path],
           frame: np.ndarray) -> CorruptSampleError:
    path = paths[frame[index]]
    # Blank lines were skipped: count them again.
    number = index - int(np.searchsorted(frame, frame[index]))
    filled = [
        i for i, line in enumerate(
            plain_bytes(path.read_bytes(), path, kind).split(b'\n'), 1)
        if line and not line.isspace()
    ]
    return CorruptSampleError(path, kind, f'line {filled[number]}: {reason}')


def _write(folder: Path, objects: KittiObjects, fields: int) -> None:
    columns = [
        np.atleast_2d(getattr(objects, name).T) for name in COLUMNS
        if getattr(objects, name) is not None
    ]
    values = np.concatenate(columns)[:fields - 1].T.tolist()
    lines = [
        f'{name} ' + ' '.join([_shortest(value) for value in row])
        for name, row in zip(objects.name.tolist(), values, strict=True)
    ]
    edges = np.searchsorted(objects.frame,
                            np.arange(len(objects.frame_ids) + 1)).tolist()
    for frame_id, start, end in zip(objects.frame_ids, edges, edges[1:],
                                    strict=False):
        # Ids may come from the info file of anybody.
        checked_name(frame_id, folder, 'frame id')
        content = ''.join(line + '\n' for line in lines[start:end]).encode()
        write_atomic(str(folder / f'{frame_id}.txt'),
                     partial(_put, content=content), durable=False)


def _put(file: BinaryIO, content: bytes) -> None:
    file.write(content)


def _shortest(value: float) -> str:
    """The shortest text that is read back as the same float64."""
    return str(int(
        value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
