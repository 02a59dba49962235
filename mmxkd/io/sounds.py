"""Sound files, read whole or refused."""
import io
import os
from typing import Any

import numpy as np

from mmxkd.errors import CorruptSampleError

MODALITY = 'audio'
# What a writer that does not know the length puts into a RIFF header.
_UNKNOWN = (0, 0xFFFFFFFF)


def read_sound(path: str | os.PathLike,
               sample_rate: int | None = None) -> tuple[np.ndarray, int]:
    """Read a local wav, flac or mp3 file.

    A decoder reads half a wav or mp3 file without complaint. Half a wav is
    noticed here by its header, and half an mp3 where its header gives a
    length; for the rest, compare the length with what you expect.

    Args:
        path (str | os.PathLike): The file.
        sample_rate (int, optional): Hz; a file of another rate is resampled.

    Returns:
        tuple[np.ndarray, int]: (C, T) float32, -1 to 1, and the rate in Hz.

    Raises:
        CorruptSampleError: The file is missing, empty, cut off, cannot be
            decoded, or holds values that are not finite.
        ModuleNotFoundError: ``soundfile`` is not installed; or ``soxr``, and
            the rates differ.
    """
    soundfile = _package('soundfile', path)
    try:
        # The system's own file: through Python, decoding takes half as long
        # again.
        with open(path, 'rb', buffering=0) as content:
            _check_start(content, path)
            with soundfile.SoundFile(content.fileno(), closefd=False) as file:
                promised, rate = file.frames, file.samplerate
                sound = file.read(dtype='float32', always_2d=True)
    except soundfile.LibsndfileError as error:
        raise CorruptSampleError(
            path, MODALITY,
            f'cannot be decoded: {error.error_string}') from error
    except OSError as error:
        raise CorruptSampleError(
            path, MODALITY,
            f'cannot be read ({error.strerror or error})') from error
    if len(sound) < promised or not len(sound):
        raise CorruptSampleError(
            path, MODALITY, f'is cut off: {len(sound)} samples, its header '
            f'gives {promised}')
    if not np.isfinite(sound).all():
        raise CorruptSampleError(path, MODALITY,
                                 'holds values that are not finite')
    if sample_rate is not None and rate != sample_rate:
        soxr = _package('soxr', path)
        sound, rate = soxr.resample(sound, rate, sample_rate), sample_rate
    return np.ascontiguousarray(sound.T), rate


def stored_rate(path: str | os.PathLike) -> int:
    """Hz of a sound file, by its header.

    Raises:
        CorruptSampleError: The header cannot be read.
        ModuleNotFoundError: ``soundfile`` is not installed.
    """
    soundfile = _package('soundfile', path)
    try:
        return soundfile.info(os.fspath(path)).samplerate
    except soundfile.LibsndfileError as error:
        raise CorruptSampleError(
            path, MODALITY,
            f'cannot be decoded: {error.error_string}') from error


def _check_start(content: io.RawIOBase, path: str | os.PathLike) -> None:
    """Refuse an empty file, and a wav whose header gives more than there is.

    The file is at its start afterwards.
    """
    size = content.seek(0, os.SEEK_END)
    content.seek(0)
    if not size:
        raise CorruptSampleError(path, MODALITY, 'the file is empty')
    start = content.read(8) or b''
    content.seek(0)
    if start[:4] != b'RIFF' or len(start) < 8:
        return
    promised = int.from_bytes(start[4:8], 'little')
    if promised not in _UNKNOWN and promised + 8 > size:
        raise CorruptSampleError(
            path, MODALITY, f'is cut off: {size} bytes, its header gives '
            f'{promised + 8}')


def _package(name: str, path: str | os.PathLike) -> Any:
    try:
        return __import__(name)
    except ImportError as error:
        raise ModuleNotFoundError(
            f'{path}: reading it needs the package {name}, which is not '
            "installed: pip install 'mmxkd[sound]'", name=name) from error
