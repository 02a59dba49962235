"""What all microphones heard at one frame, in one compact file.

A file holds waveforms or spectrograms, and says which:

* ``waveform``: (C, T) int16 and a power of 2 for each microphone, the least
  by which its loudest sample fits. So 16-bit files are kept to the last bit,
  and a quiet mp3 loses no more than a loud one.
* ``spectrogram``: (C, F, T) int16 in steps of 1/256 dB, which rounds by at
  most 0.002 dB.

The files are those of :mod:`mmxkd.io.array_file`: every read checks a
checksum.
"""
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import numpy as np

from mmxkd.errors import CorruptSampleError, check_known
from mmxkd.io.array_file import DamagedFileError, open_arrays, write_arrays

WAVEFORM, SPECTROGRAM = 'waveform', 'spectrogram'
KINDS = (WAVEFORM, SPECTROGRAM)
#: What is 0 dB: full scale, or the loudest value of each microphone.
REFERENCES = ('absolute', 'microphone')
_STEPS = 256  # a decibel
_LARGEST = 32767
# Of powers of 2 that float32 holds, both ways.
_LEAST_EXPONENT = -100
_MODALITY = 'audio'


@dataclass
class SoundArray:
    """The sound of one frame.

    Attributes:
        kind: One of :data:`KINDS`.
        values: float32; waveforms (C, T), spectrograms (C, F, T) in dB.
        sample_rate: Hz, of the waveforms that there are or were.
        clipped: Samples at full scale whose neighbours are, too.
        reference: Of spectrograms: one of :data:`REFERENCES`.
        front_end: Of spectrograms: what they were made with.
    """

    kind: str
    values: np.ndarray
    sample_rate: int
    clipped: int = 0
    reference: str = ''
    front_end: dict[str, Any] = field(default_factory=dict)


def write_sound(path: str | PathLike, sound: SoundArray) -> None:
    """Write a file that appears when it is whole.

    Equal sounds make equal bytes.

    Raises:
        ConfigError: The kind, or the reference of a spectrogram, is unknown.
        ValueError: A value is not finite, or too large.
        OSError: E.g. for a full disk; it names ``path``. Nothing is left.
    """
    check_known('sound: kind', sound.kind, KINDS)
    if not np.isfinite(sound.values).all():
        raise ValueError(f'{path}: a value is not finite')
    note = dict(kind=sound.kind, sample_rate=sound.sample_rate,
                clipped=sound.clipped)
    if sound.kind == WAVEFORM:
        exponents = _exponents(sound.values)
        if exponents.max(initial=0) > -_LEAST_EXPONENT:
            raise ValueError(f'{path}: a value is too large')
        scaled = sound.values * _powers(-exponents)
        arrays = dict(values=_int16(path, scaled), exponents=exponents)
    else:
        check_known('sound: reference', sound.reference, REFERENCES)
        note.update(reference=sound.reference, front_end=sound.front_end)
        arrays = dict(values=_int16(path, sound.values * _STEPS))
    write_arrays(path, arrays, note)


def read_sound_array(path: str | PathLike) -> SoundArray:
    """Read a file of :func:`write_sound`.

    Raises:
        CorruptSampleError: It is missing, damaged, or another kind of file.
    """
    try:
        with open_arrays(path) as file:
            return _read(path, file)
    except OSError as error:
        raise CorruptSampleError(
            path, _MODALITY,
            f'cannot be read ({error.strerror or error})') from error
    except DamagedFileError as error:
        raise CorruptSampleError(path, _MODALITY,
                                 f'is damaged ({error.reason})') from error


def _read(path: str | PathLike, file: Any) -> SoundArray:
    note = file.note if isinstance(file.note, dict) else {}
    kind, rate = note.get('kind'), note.get('sample_rate')
    values = file['values']
    if (kind not in KINDS or type(rate) is not int or values.dtype != np.int16
            or values.ndim != 2 + (kind == SPECTROGRAM)):
        raise CorruptSampleError(
            path, _MODALITY, 'was not written by tools/dataset_converters/'
            f'mavd.py: {values.dtype} {values.shape}, kind={kind!r:.40}')
    sound = SoundArray(kind, np.empty(0), rate, int(note.get('clipped', 0)))
    if kind == SPECTROGRAM:
        sound.values = values.astype(np.float32) / _STEPS
        sound.reference = str(note.get('reference'))
        sound.front_end = dict(note.get('front_end') or {})
        return sound
    exponents = file['exponents']
    if (exponents.dtype != np.int32 or exponents.shape != values.shape[:1]
            or np.abs(exponents).max(initial=0) > -_LEAST_EXPONENT):
        raise CorruptSampleError(
            path, _MODALITY, 'expected an exponent for each of '
            f'{len(values)} microphones, found {exponents!r:.100}')
    sound.values = values * _powers(exponents)
    return sound


def _exponents(waveforms: np.ndarray) -> np.ndarray:
    """For each row the least n for which its values fit into 16 bits by 2ⁿ."""
    high = waveforms.max(axis=1, initial=0).astype(np.float64)
    low = waveforms.min(axis=1, initial=0).astype(np.float64)
    # frexp: loudest = m · 2ᵉ with m from 0.5 to below 1, and 0 = 0 · 2⁰.
    exponents = np.frexp(np.maximum(high, -low))[1] - 16
    # -32768 · 2ⁿ fits, +32768 · 2ⁿ does not; neither does what rounds to it.
    for _ in range(2):
        exponents += ((np.rint(np.ldexp(high, -exponents)) > _LARGEST)
                      | (np.rint(np.ldexp(low, -exponents)) < -_LARGEST - 1))
    return np.maximum(exponents, _LEAST_EXPONENT).astype(np.int32)


def _powers(exponents: np.ndarray) -> np.ndarray:
    """2ⁿ as float32, a column; to multiply by it is exact."""
    return np.ldexp(np.float32(1), exponents)[:, None]


def _int16(path: str | PathLike, values: np.ndarray) -> np.ndarray:
    """Round ``values`` in place."""
    np.rint(values, out=values)
    if values.size and (values.max() > _LARGEST
                        or values.min() < -_LARGEST - 1):
        raise ValueError(f'{path}: a value is too large for its step')
    return values.astype(np.int16)
