"""One frame of MAVD: its files are read, checked and put into one."""
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmxkd.datasets.transforms import LoadMultiChannelAudio
from mmxkd.errors import ConfigError, CorruptSampleError, check_number
from mmxkd.formats.mavd.layout import MICROPHONES, FrameId, sound_path
from mmxkd.formats.mavd.pictures import PictureFacts, picture_facts
from mmxkd.formats.mavd.sound_array import (
    SPECTROGRAM,
    WAVEFORM,
    SoundArray,
    write_sound,
)
from mmxkd.formats.mavd.spectrograms import read_spectrograms
from mmxkd.io.images import read_image
from mmxkd.io.sounds import stored_rate
from mmxkd.models.layers import LogMel

# A decoder of mp3 may add two frames of 1152 samples at each end.
_PADDING = 0.105
# Samples of a window of a spectrogram: LogMel's.
_WINDOW = 1024
# No floor but that of the logarithm: levels are told apart later.
_NO_FLOOR = 1000.


@dataclass(frozen=True)
class SoundSettings:
    """What determines the bytes of a sound array.

    Attributes:
        source: ``'sound'`` or ``'pickles'``.
        store: ``'waveform'`` or ``'spectrogram'``; pickles hold spectrograms.
        sample_rate: Hz.
        seconds: How much of a clip is kept.
        offset: Seconds before that.
        silent: ``'refuse'`` or ``'keep'`` silent microphones.

    Raises:
        ConfigError: A number is out of range, or a part is too short for a
            spectrogram.
    """

    source: str = 'sound'
    store: str = WAVEFORM
    sample_rate: int = 44100
    seconds: float = 1.
    offset: float = 0.
    silent: str = 'refuse'

    def __post_init__(self) -> None:
        check_number('sample_rate', self.sample_rate, 1, whole=True)
        check_number('seconds', self.seconds, above=0)
        check_number('offset', self.offset, 0)
        least = _WINDOW // 2 + 1 if self.store == SPECTROGRAM else 1
        # Of pickles, no part is taken.
        if self.source != 'pickles' and self.samples < least:
            raise ConfigError(
                f'seconds={self.seconds} at sample_rate={self.sample_rate} '
                f'are {self.samples} samples, expected {least} or more for a '
                f'{self.store}')

    @property
    def samples(self) -> int:
        """How many of a clip are kept."""
        return round(self.seconds * self.sample_rate)


@dataclass(frozen=True)
class FrameJob:
    """What a worker has to do.

    Attributes:
        frame: Its id.
        root: Of the published folders.
        out: Of what is written.
        sounds: A file per microphone.
        pictures: By camera, relative to the root; None where there is none.
        settings: How to convert.
        decode: Whether pictures are decoded, not their headers alone.
    """

    frame: FrameId
    root: Path
    out: Path
    sounds: tuple[Path, ...]
    pictures: dict[str, str | None]
    settings: SoundSettings
    decode: bool

    @property
    def target(self) -> Path:
        return self.out / sound_path(self.frame)

    def files(self) -> list[Path]:
        """What the result depends on, and what belongs to it."""
        shown = [self.root / p for p in self.pictures.values() if p]
        return [*self.sounds, *shown, self.target]


class _Clips(LoadMultiChannelAudio):
    """Clips of equal length, of which one part is kept.

    Args:
        settings (SoundSettings): Says which.
    """

    def __init__(self, settings: SoundSettings) -> None:
        super().__init__(MICROPHONES, settings.sample_rate,
                         silent=settings.silent)
        self.first = round(settings.offset * settings.sample_rate)
        self.end = self.first + settings.samples

    def _equally_long(self, paths: Sequence[str],
                      clips: list[np.ndarray]) -> list[np.ndarray]:
        longest = self.end + round(_PADDING * self.sample_rate)
        for path, clip in zip(paths, clips, strict=True):
            # First of all: of half a file and a whole one, the half is bad.
            if not self.end <= len(clip) <= longest:
                seconds = len(clip) / self.sample_rate
                raise CorruptSampleError(
                    path, 'audio', f'lasts {seconds:.3f} s ({len(clip)} '
                    f'samples), expected {self.end / self.sample_rate:g} s '
                    f'({self.end} samples): is it cut off, or do --seconds '
                    'and --offset not fit?')
        whole = super()._equally_long(paths, clips)
        return [clip[self.first:self.end] for clip in whole]


def convert_frame(job: FrameJob) -> dict[str, Any]:
    """Check the files of a frame and write its sound array.

    Returns:
        dict: ``bad``: path and reason of a file that cannot be used, and
        nothing is written then; or what the index says of the frame: sizes,
        ``thermal_bits``, the ``rates`` of the files, each once, ``clipped``,
        and ``windows``, the length of a spectrogram.
    """
    try:
        rgb, bits = _pictures(job)
        sound, rates = _sound(job)
    except CorruptSampleError as error:
        return dict(bad=[error.path, error.reason])
    write_sound(job.target, sound)
    return dict(
        width=rgb.width, height=rgb.height, thermal_bits=bits, rates=rates,
        clipped=sound.clipped, windows=(sound.values.shape[-1] if sound.kind
                                        == SPECTROGRAM else None))


def _pictures(job: FrameJob) -> tuple[PictureFacts, int | None]:
    facts = {}
    for camera, name in job.pictures.items():
        if name is None:
            continue
        path = job.root / name
        facts[camera] = picture_facts(path, camera)
        if job.decode:
            read_image(path, camera)
        size = facts[camera].width, facts[camera].height
        wanted = facts['rgb'].width, facts['rgb'].height
        if size != wanted:
            raise CorruptSampleError(
                path, camera, f'has {size[0]}x{size[1]} pixels, but the '
                f'colour picture has {wanted[0]}x{wanted[1]}')
    return facts['rgb'], facts['thermal'].bits if 'thermal' in facts else None


def _sound(job: FrameJob) -> tuple[SoundArray, list[int]]:
    """The sound, and the rates of its files, each once."""
    settings = job.settings
    if settings.source == 'pickles':
        return read_spectrograms(job.sounds, settings.sample_rate,
                                 settings.silent), [settings.sample_rate]
    paths = [str(path) for path in job.sounds]
    with warnings.catch_warnings():
        # Of clipped sound: the converter counts it, and tells at its end.
        warnings.simplefilter('ignore', UserWarning)
        loaded = _Clips(settings).transform(dict(audio_paths=paths))
    sound = SoundArray(WAVEFORM, loaded['audio'], settings.sample_rate,
                       loaded['audio_clipped'])
    if settings.store == SPECTROGRAM:
        sound = _spectrogram(sound)
    return sound, sorted({stored_rate(path) for path in paths})


def _spectrogram(sound: SoundArray) -> SoundArray:
    layer = _front_end(sound.sample_rate)
    with torch.no_grad():
        maps = layer(torch.from_numpy(sound.values)).numpy()
    return SoundArray(
        SPECTROGRAM, maps, sound.sample_rate, sound.clipped,
        reference='absolute', front_end=dict(n_fft=layer.n_fft, hop=layer.hop,
                                             n_mels=len(layer.filters)))


@cache
def _front_end(sample_rate: int) -> LogMel:
    if parent_process() is not None:
        # One process per core already; and the threads of a forked process
        # are gone.
        torch.set_num_threads(1)
    return LogMel(sample_rate, n_fft=_WINDOW, reference=1., top_db=_NO_FLOOR)
