"""Log-mel spectrograms of several microphones."""
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mmxkd.errors import check_known, check_number

from .mel_filters import mel_filters

# Power below this counts as this.
_FLOOR = 1e-10


class LogMel(nn.Module):
    """Loudness in mel bands over time, in decibels.

    It works in its own precision, within autocast too.

    The defaults are the published front end. It gives each microphone its
    own reference, so that the loudest moment of each is 0 dB: who hears an
    engine louder is lost, and a silent microphone is 0 dB throughout.

    Args:
        sample_rate (int): Hz.
        n_fft (int): Samples of a window; a Hann window.
        hop (int): Samples between two windows.
        n_mels (int): Bands.
        f_min (float): Lower end of the first band, Hz.
        f_max (float, optional): Upper end of the last; None: half the rate.
        reference (str | float): What is 0 dB: ``'microphone'``, the loudest
            value of each microphone; ``'common'``, that of all microphones
            of a sample; or a power.
        top_db (float): What is further below the loudest value (of the
            microphone for ``'microphone'``, else of the sample) is raised to
            this.
        phase (bool): Whether two further maps per microphone follow: real
            and imaginary part of the coherence with the next microphone (the
            last one with the first), -1 to 1. They say how much later the
            next one hears a band.

    Raises:
        ConfigError: A word is unknown, or a number is out of range.

    Examples:
        >>> LogMel()(torch.zeros(8, 44100)).shape
        torch.Size([8, 80, 173])

    Source: the method's sheet, section 2.3, and its additions, section E.
    """

    filters: Tensor
    window: Tensor

    def __init__(self, sample_rate: int = 44100, n_fft: int = 1024,
                 hop: int = 256, n_mels: int = 80, f_min: float = 0.,
                 f_max: float | None = None,
                 reference: str | float = 'microphone', top_db: float = 80.,
                 phase: bool = False) -> None:
        super().__init__()
        if isinstance(reference, str):
            check_known('LogMel: reference', reference,
                        ('microphone', 'common'))
        else:
            check_number('LogMel: reference', reference, above=0)
        for name, count in (('sample_rate', sample_rate), ('n_fft', n_fft),
                            ('hop', hop), ('n_mels', n_mels)):
            check_number(f'LogMel: {name}', count, 1, whole=True)
        check_number('LogMel: top_db', top_db, above=0)
        self.sample_rate, self.n_fft, self.hop = sample_rate, n_fft, hop
        self.reference, self.top_db, self.phase = reference, top_db, phase
        filters = mel_filters(n_mels, n_fft, sample_rate, f_min, f_max)
        # Not in the checkpoint: the config says them.
        self.register_buffer('filters',
                             torch.from_numpy(filters).float(), False)
        self.register_buffer('window', torch.hann_window(n_fft), False)

    def maps(self, microphones: int) -> int:
        """Channels of the result for a number of microphones."""
        return microphones * (3 if self.phase else 1)

    def forward(self, audio: Tensor) -> Tensor:
        """Transform waveforms.

        Args:
            audio (Tensor): (…, C, T), C microphones.

        Returns:
            Tensor: (…, C, n_mels, 1 + T // hop), or 3 · C maps with
            ``phase``; the lowest band first, and windows centred on their
            time, the ends mirrored.

        Raises:
            ValueError: There are too few samples for one window.
        """
        if audio.dim() < 2 or audio.shape[-1] <= self.n_fft // 2:
            raise ValueError(
                f'LogMel: expected (…, C, T) with T > {self.n_fft // 2}, got '
                f'{tuple(audio.shape)}')
        # Powers span more than half precision holds: autocast would give NaN,
        # or errors of decibels. It has no Fourier transform on a CPU, either.
        with torch.autocast(audio.device.type, enabled=False):
            return self._maps(audio.to(self.window.dtype))

    def _maps(self, audio: Tensor) -> Tensor:
        spectrum = torch.stft(audio.reshape(-1, audio.shape[-1]), self.n_fft,
                              self.hop, window=self.window, center=True,
                              pad_mode='reflect',
                              return_complex=True).unflatten(
                                  0, audio.shape[:-1])
        power = spectrum.real.square() + spectrum.imag.square()
        mel = self.filters @ power
        loud = self._decibels(mel)
        if not self.phase:
            return loud
        return torch.cat([loud, *self._coherence(spectrum, mel)], dim=-3)

    def _decibels(self, mel: Tensor) -> Tensor:
        decibels = 10 * mel.clamp(min=_FLOOR).log10()
        over = (-2, -1) if self.reference == 'microphone' else (-3, -2, -1)
        loudest = decibels.amax(over, keepdim=True)
        decibels = decibels.maximum(loudest - self.top_db)
        if isinstance(self.reference, str):
            return decibels - loudest
        return decibels - 10 * torch.tensor(self.reference).log10().to(mel)

    def _coherence(self, spectrum: Tensor,
                   mel: Tensor) -> tuple[Tensor, Tensor]:
        following = spectrum.roll(-1, dims=-3)
        cross = spectrum * following.conj()
        scale = (mel * mel.roll(-1, dims=-3)).clamp(min=_FLOOR**2).rsqrt()
        return (self.filters @ cross.real * scale,
                self.filters @ cross.imag * scale)


def resize_maps(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize (N, C, F, T) to (N, C, *size), bicubic, as published.

    Examples:
        >>> resize_maps(torch.zeros(1, 8, 80, 173), (96, 96)).shape
        torch.Size([1, 8, 96, 96])
    """
    return F.interpolate(maps, size=tuple(size), mode='bicubic',
                         align_corners=False)
