"""Sound files, read whole or refused."""
import io
import os
from typing import Any, Literal

import numpy as np

from mmxkd.errors import CorruptSampleError

MODALITY = 'audio'
# What a writer that does not know the length puts into a RIFF header.
_UNKNOWN = (0, 0xFFFFFFFF)
# Containers whose header gives their length behind its first 8 bytes: where it
# stands, and how its bytes are ordered.
_LENGTHS: dict[bytes, tuple[slice, Literal['little', 'big']]] = {
    b'RIFF': (slice(4, 8), 'little'),
    b'RIFX': (slice(4, 8), 'big'),
    b'FORM': (slice(4, 8), 'big'),
    # Of more than 4 GB: within the chunk ds64, which is the first one.
    b'RF64': (slice(20, 28), 'little'),
}
# Full scale is 1. A decoder of mp3, or floats, may exceed it somewhat.
_LOUDEST = 16.
# Hz. A damaged header may give any number, and resampling a file of 1 Hz
# takes as many times the memory.
_RATES = (1000, 768000)
# Values, read or resampled: 1 GiB, or 100 minutes at 44.1 kHz.
_MOST = 2**28


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
            decoded, or holds values that are not finite or far above full
            scale; or its header gives a rate or a length that no sound has.
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
                _check_header(promised, file.channels, rate, sample_rate, path)
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
    loudest = max(float(sound.max()), -float(sound.min()))
    if loudest > _LOUDEST:
        raise CorruptSampleError(
            path, MODALITY, f'holds values up to {loudest:g}, where full '
            'scale is 1: were integers written as floats?')
    if sample_rate is not None and rate != sample_rate:
        soxr = _package('soxr', path)
        if not round(len(sound) * sample_rate / rate):
            raise CorruptSampleError(
                path, MODALITY, f'holds {len(sound)} samples at {rate} Hz, '
                f'of which none is left at {sample_rate} Hz')
        sound, rate = soxr.resample(sound, rate, sample_rate), sample_rate
    return np.ascontiguousarray(sound.T), rate


def _check_header(frames: int, channels: int, rate: int, wanted: int | None,
                  path: str | os.PathLike) -> None:
    """Refuse a header before memory is taken for what it gives."""
    low, high = _RATES
    if not low <= rate <= high:
        raise CorruptSampleError(
            path, MODALITY, f'its header gives {rate} Hz, expected {low} to '
            f'{high}')
    values = frames * channels * max(1, (wanted or rate) / rate)
    if values > _MOST:
        raise CorruptSampleError(
            path, MODALITY, f'its header gives {frames} samples of '
            f'{channels} channels at {rate} Hz: {values:.3g} values, '
            f'expected {_MOST} at most')


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
    """Refuse an empty file, and one whose header gives more than there is.

    The file is at its start afterwards.
    """
    size = content.seek(0, os.SEEK_END)
    content.seek(0)
    if not size:
        raise CorruptSampleError(path, MODALITY, 'the file is empty')
    start = content.read(28) or b''
    content.seek(0)
    if start[:4] not in _LENGTHS or len(start) < 28:
        return
    place, order = _LENGTHS[start[:4]]
    promised = int.from_bytes(start[place], order)
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
            'installed: bash tools/install.sh --with sound',
            name=name) from error
