"""Triangular filters on the mel scale."""
import numpy as np

from mmxkd.errors import ConfigError

# Slaney's scale: linear up to 1 kHz, then 27 mels for a factor of 6.4.
_HZ_PER_MEL = 200 / 3
_CORNER = 1000.
_LOG_STEP = np.log(6.4) / 27


def mel_filters(n_mels: int, n_fft: int, sample_rate: int, f_min: float = 0.,
                f_max: float | None = None) -> np.ndarray:
    """A matrix that sums a power spectrum into mel bands.

    Args:
        n_mels (int): Number of bands.
        n_fft (int): Length of the Fourier transform.
        sample_rate (int): Hz.
        f_min (float): Lower end of the first band, Hz.
        f_max (float, optional): Upper end of the last; half the rate if None.

    Returns:
        np.ndarray: (n_mels, n_fft // 2 + 1) float64; each triangle has the
        height 2 / width in Hz (Slaney's normalisation).

    Raises:
        ConfigError: The range is empty, or bands are so narrow that one
            holds no frequency.

    Source: Slaney 1998, Auditory Toolbox; the method's sheet, section 2.3.
    """
    top = sample_rate / 2 if f_max is None else f_max
    if not 0 <= f_min < top <= sample_rate / 2:
        raise ConfigError(
            f'mel filters: f_min={f_min}, f_max={top}, expected 0 or more, '
            f'rising, and up to half of sample_rate={sample_rate}')
    mels = np.linspace(_mel(f_min), _mel(top), n_mels + 2)
    edges = _hertz(mels)
    bins = np.linspace(0, sample_rate / 2, n_fft // 2 + 1)
    low, middle, high = (edges[i:i + n_mels, None] for i in range(3))
    rise = (bins - low) / (middle - low)
    fall = (high - bins) / (high - middle)
    filters = np.clip(np.minimum(rise, fall), 0, None) * 2 / (high - low)
    silent = np.flatnonzero(~filters.any(axis=1))
    if silent.size:
        raise ConfigError(
            f'mel filters: band {silent[0]} of n_mels={n_mels} holds no '
            f'frequency of n_fft={n_fft}; take fewer bands or a longer n_fft')
    return filters


def _mel(hertz: float) -> float:
    if hertz < _CORNER:
        return hertz / _HZ_PER_MEL
    return _CORNER / _HZ_PER_MEL + np.log(hertz / _CORNER) / _LOG_STEP


def _hertz(mels: np.ndarray) -> np.ndarray:
    corner = _CORNER / _HZ_PER_MEL
    return np.where(mels < corner, mels * _HZ_PER_MEL,
                    _CORNER * np.exp((mels - corner) * _LOG_STEP))
