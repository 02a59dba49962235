"""The published spectrograms of a frame, from its eight pickles."""
from collections.abc import Sequence
from os import PathLike

import numpy as np

from mmxkd.errors import CorruptSampleError

from .pickles import MODALITY, read_pickled_array
from .sound_array import SPECTROGRAM, SoundArray

# The published front end floors at -80 dB and has its loudest value at 0.
_LOWEST, _HIGHEST = -80.1, .1
# A silent clip is at 0 dB throughout, but for the last bit.
_SILENT = -1e-3


def read_spectrograms(paths: Sequence[str | PathLike], sample_rate: int,
                      silent: str = 'refuse') -> SoundArray:
    """Read and compare the pickles of all microphones.

    Args:
        paths (Sequence): One file per microphone.
        sample_rate (int): Hz of the sound that they were made of; the files
            do not say.
        silent (str): ``'refuse'`` or ``'keep'`` a microphone that heard
            nothing.

    Returns:
        SoundArray: (C, F, T) dB, each microphone with its own reference.

    Raises:
        CorruptSampleError: A file is not such a pickle, not a spectrogram in
            decibels, silent, or the same as another one; names it.
    """
    maps = [_checked(path, read_pickled_array(path)) for path in paths]
    for i, (path, spectrogram) in enumerate(zip(paths, maps, strict=True)):
        if spectrogram.shape != maps[0].shape:
            raise CorruptSampleError(
                path, MODALITY, f'has the shape {spectrogram.shape}, but '
                f'{paths[0]} has {maps[0].shape}')
        is_silent = spectrogram.min() > _SILENT
        if is_silent and silent == 'refuse':
            raise CorruptSampleError(
                path, MODALITY, f'microphone {i} is silent: 0 dB throughout')
        for j in range(i):
            if not is_silent and np.array_equal(spectrogram, maps[j]):
                raise CorruptSampleError(
                    path, MODALITY, f'microphone {i} hears exactly what '
                    f'microphone {j} does ({paths[j]})')
    return SoundArray(SPECTROGRAM, np.stack(maps), sample_rate,
                      reference='microphone')


def _checked(path: str | PathLike, array: np.ndarray) -> np.ndarray:
    if array.ndim != 2 or array.dtype.kind != 'f' or not array.size:
        raise CorruptSampleError(
            path, MODALITY, 'expected (bands, times) of floats, found '
            f'{array.dtype} of the shape {array.shape}')
    if not np.isfinite(array).all():
        raise CorruptSampleError(path, MODALITY,
                                 'holds values that are not finite')
    low, high = float(array.min()), float(array.max())
    if low < _LOWEST or high > _HIGHEST:
        raise CorruptSampleError(
            path, MODALITY, f'has values from {low:g} to {high:g}, expected '
            'decibels from -80 to 0')
    return array.astype(np.float32)
