"""Loading of sound, and spectrograms of it."""
import warnings
from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np
import torch
from mmcv.transforms import BaseTransform

from mmxkd.errors import (
    ConfigError,
    CorruptSampleError,
    check_known,
    check_number,
    check_size,
)
from mmxkd.io.sounds import read_sound
from mmxkd.models.layers.log_mel import LogMel, resize_maps
from mmxkd.registry import TRANSFORMS

from .adding import add_modality

# Neighbouring samples at full scale; one alone is a peak.
_CLIPPED_RUN = 3
_FULL_SCALE = 1 - 1 / 32768
_LOOK_AT_EVERY = 1009


@TRANSFORMS.register_module()
class LoadMultiChannelAudio(BaseTransform):
    """Load what several microphones heard at the time of one frame.

    Required Keys:

    - audio_paths (list[str]): one mono file per microphone, in their order;
      or audio_path (str): one file with a channel per microphone

    Added Keys:

    - audio (np.float32): (C, T), -1 to 1
    - sample_rate (int): Hz
    - audio_clipped (int): samples at full scale that have two such
      neighbours; more than none is warned of
    - img_shape, ori_shape, scale_factor: with ``frame`` alone

    Args:
        microphones (int): C.
        sample_rate (int): Hz; files of another rate are resampled.
        duration (float, optional): Seconds that a clip must last at least;
            what is longer is cut at the end. None: all must be equally long.
        silent (str): Whether a microphone that heard nothing at all is to
            ``'refuse'`` or to ``'keep'``.
        frame (tuple[int, int], optional): Height and width of the camera
            frame that boxes lie in, where no picture is loaded.

    Raises:
        CorruptSampleError: A file is missing, damaged or too short; there
            are more or fewer channels; clips differ in length; a microphone
            is silent, or the same as another one.
        ConfigError: An argument is out of range; the sample names no files;
            or ``frame`` is given and a picture was loaded.
    """

    def __init__(self, microphones: int = 8, sample_rate: int = 44100,
                 duration: float | None = None, silent: str = 'refuse',
                 frame: tuple[int, int] | None = None) -> None:
        check_known('LoadMultiChannelAudio: silent', silent,
                    ('refuse', 'keep'))
        for name, count in (('microphones', microphones), ('sample_rate',
                                                           sample_rate)):
            check_number(f'LoadMultiChannelAudio: {name}', count, 1,
                         whole=True)
        if duration is not None:
            check_number('LoadMultiChannelAudio: duration', duration,
                         1 / sample_rate)
        if frame is not None:
            check_size('LoadMultiChannelAudio: frame', frame)
        self.microphones, self.sample_rate = microphones, sample_rate
        self.duration, self.silent, self.frame = duration, silent, frame

    def transform(self, results: dict) -> dict:
        paths, audio = self._read(results)
        self._check(paths, audio)
        results['sample_rate'] = self.sample_rate
        results['audio_clipped'] = self._clipped(paths, audio)
        if self.frame is not None:
            if 'img' in results:
                raise ConfigError(
                    f'LoadMultiChannelAudio: frame={self.frame} is for '
                    'samples without a picture, but img was loaded')
            shape = tuple(self.frame)
            results.update(img_shape=shape, ori_shape=shape,
                           scale_factor=(1., 1.))
        return add_modality(results, 'audio', audio, paths[0])

    def _read(self, results: dict) -> tuple[list[str], np.ndarray]:
        if results.get('audio_paths') is not None:
            paths = results['audio_paths']
            if isinstance(paths, (str, PathLike)):
                raise ConfigError(
                    f'LoadMultiChannelAudio: audio_paths={paths!r}, expected '
                    'a list of one file for each microphone; one file of all '
                    'is audio_path')
            paths = list(paths)
            if len(paths) != self.microphones:
                raise CorruptSampleError(
                    paths[0] if paths else 'audio_paths', 'audio',
                    f'{len(paths)} files of a frame, expected one for each '
                    f'of {self.microphones} microphones')
            clips = [self._mono(path) for path in paths]
        elif results.get('audio_path') is not None:
            path = results['audio_path']
            whole, _ = read_sound(path, self.sample_rate)
            if len(whole) != self.microphones:
                raise CorruptSampleError(
                    path, 'audio', f'{len(whole)} channels, expected '
                    f'{self.microphones}')
            paths, clips = [path] * len(whole), list(whole)
        else:
            raise ConfigError('LoadMultiChannelAudio: the sample has neither '
                              'audio_paths nor audio_path')
        return paths, np.stack(self._equally_long(paths, clips))

    def _mono(self, path: str) -> np.ndarray:
        sound, _ = read_sound(path, self.sample_rate)
        if len(sound) != 1:
            raise CorruptSampleError(
                path, 'audio', f'{len(sound)} channels, expected one file '
                'for each microphone')
        return sound[0]

    def _equally_long(self, paths: Sequence[str],
                      clips: list[np.ndarray]) -> list[np.ndarray]:
        length = (len(clips[0]) if self.duration is None else round(
            self.duration * self.sample_rate))
        for path, clip in zip(paths, clips, strict=True):
            if self.duration is None and len(clip) != length:
                raise CorruptSampleError(
                    path, 'audio', f'{len(clip)} samples at '
                    f'{self.sample_rate} Hz, but {paths[0]} has {length}')
            if len(clip) < length:
                raise CorruptSampleError(
                    path, 'audio', f'{len(clip)} samples at '
                    f'{self.sample_rate} Hz, expected {length} for '
                    f'duration={self.duration}')
        return [clip[:length] for clip in clips]

    def _check(self, paths: Sequence[str], audio: np.ndarray) -> None:
        quiet = np.flatnonzero(~audio.any(axis=1))
        if quiet.size and self.silent == 'refuse':
            raise CorruptSampleError(
                paths[quiet[0]], 'audio', f'microphone {quiet[0]} is silent; '
                "silent='keep' takes it")
        alike: dict[bytes, list[int]] = {}
        for i in np.flatnonzero(audio.any(axis=1)):
            # A few samples tell most clips apart; the others are compared.
            others = alike.setdefault(audio[i, ::_LOOK_AT_EVERY].tobytes(), [])
            for j in others:
                if np.array_equal(audio[i], audio[j]):
                    raise CorruptSampleError(
                        paths[i], 'audio', f'microphone {i} hears exactly '
                        f'what microphone {j} does ({paths[j]})')
            others.append(i)

    @staticmethod
    def _clipped(paths: Sequence[str], audio: np.ndarray) -> int:
        if max(audio.max(), -audio.min()) < _FULL_SCALE:
            return 0
        full = np.abs(audio) >= _FULL_SCALE
        runs = np.lib.stride_tricks.sliding_window_view(
            full, min(_CLIPPED_RUN, full.shape[1]), axis=1).all(axis=2)
        total = int(runs.sum())
        if total:
            worst = int(runs.sum(axis=1).argmax())
            warnings.warn(
                f'{paths[worst]}: sound is clipped: {total} places at full '
                f'scale in this frame, most at microphone {worst}',
                stacklevel=2)
        return total

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(microphones={self.microphones}, '
                f'sample_rate={self.sample_rate}, duration={self.duration}, '
                f'silent={self.silent!r}, frame={self.frame})')


@TRANSFORMS.register_module()
class LogMelSpectrogram(BaseTransform):
    """Make a log-mel spectrogram of the sound of a sample.

    A model that trains on raw sound does the same on its device: see
    ``SoundDetDataPreprocessor``.

    Required Keys:

    - audio (np.float32): (C, T)
    - sample_rate (int): Hz

    Added Keys:

    - spectrogram (np.float32): (C, F, T'), decibels

    Args:
        size (tuple[int, int], optional): Height and width to resize each map
            to, by bicubic interpolation; (768, 768) as published. None: it
            is left as it is.
        **kwargs: Of :class:`mmxkd.models.layers.LogMel`.

    Raises:
        ConfigError: The sample has no sound, sound of another rate, or too
            little of it.
    """

    def __init__(self, size: tuple[int, int] | None = None,
                 **kwargs: Any) -> None:
        if size is not None:
            check_size('LogMelSpectrogram: size', size)
        self.size = size
        self.options = kwargs
        self.layer = LogMel(**kwargs)

    def transform(self, results: dict) -> dict:
        if 'audio' not in results:
            raise ConfigError('LogMelSpectrogram: the sample has no audio; '
                              'mmxkd.LoadMultiChannelAudio loads it')
        rate = results.get('sample_rate', self.layer.sample_rate)
        if rate != self.layer.sample_rate:
            raise ConfigError(
                f'LogMelSpectrogram: sample_rate={self.layer.sample_rate}, '
                f'but the sound of the sample has {rate} Hz')
        least = self.layer.n_fft // 2 + 1
        if results['audio'].shape[-1] < least:
            raise ConfigError(
                f'LogMelSpectrogram: n_fft={self.layer.n_fft} needs {least} '
                f'samples, but the sound of the sample has '
                f'{results["audio"].shape[-1]}')
        with torch.no_grad():
            maps = self.layer(torch.from_numpy(results['audio']))
            if self.size is not None:
                maps = resize_maps(maps[None], self.size)[0]
        results['spectrogram'] = maps.numpy()
        # As the sound was, so is what is made of it.
        if 'audio' in results.get('flipped_modalities', ()):
            results['flipped_modalities'] = [
                *results['flipped_modalities'], 'spectrogram'
            ]
        return results

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(size={self.size}, '
                f'{self.options})')
