"""What a detector that hears sees of a batch."""
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mmxkd.errors import ConfigError, check_known, check_size
from mmxkd.models.layers.log_mel import LogMel, resize_maps
from mmxkd.registry import MODELS

from .modality_det_data_preprocessor import Batch, ModalityDetDataPreprocessor


@MODELS.register_module()
class SoundDetDataPreprocessor(ModalityDetDataPreprocessor):
    """Sound of several microphones, as an image in the camera frame.

    Boxes lie in the camera frame, a spectrogram does not: its rows are
    frequencies, its columns times. So it is stretched to the size of the
    frame, as published, or the backbone brings its own maps to that size
    (:class:`mmxkd.SpectrogramBackbone`); in both cases heads see maps of the
    frame.

    Args:
        frame (tuple[int, int]): Height and width of the padded camera frame,
            pixels; all pictures of the pipeline lie at its top left.
        sound (str): ``'spectrogram'``: what
            :class:`mmxkd.LogMelSpectrogram` made. ``'audio'``: waveforms,
            which become spectrograms on the device of the model.
        microphones (int): Channels of the sound.
        log_mel (dict, optional): Arguments of
            :class:`mmxkd.models.layers.LogMel`; for ``'audio'``, or to say
            that spectrograms have phases.
        stretch (bool): Whether maps are resized to the frame, by bicubic
            interpolation; clips of a batch may differ in length then. False:
            the backbone has to.
        mean (Sequence[float], optional): Per map, decibels; None: not
            normalised, as published.
        std (Sequence[float], optional): Likewise.
        **kwargs: Of :class:`ModalityDetDataPreprocessor`, but for
            ``batch_augments``.

    Raises:
        ConfigError: A word is unknown; numbers do not fit together; or a
            batch holds other sound than that, or, with ``stretch=False``,
            clips of unequal length.
    """

    def __init__(self, frame: tuple[int, int] = (768, 768),
                 sound: str = 'spectrogram', microphones: int = 8,
                 log_mel: dict[str, Any] | None = None, stretch: bool = True,
                 mean: Sequence[float] | None = None,
                 std: Sequence[float] | None = None, **kwargs) -> None:
        check_known('data_preprocessor: sound', sound,
                    ('spectrogram', 'audio'))
        check_size('data_preprocessor: frame', frame)
        layer = LogMel(**(log_mel or {}))
        maps = layer.maps(microphones)
        super().__init__(modalities=(sound, ), channels={sound: maps},
                         mean=mean, std=std, **kwargs)
        self.frame = (int(frame[0]), int(frame[1]))
        self.sound, self.microphones = sound, microphones
        self.stretch = stretch
        divisor = self.pad_size_divisor
        if any(n % divisor
               for n in self.frame) or (divisor > 1 and not stretch):
            raise ConfigError(
                f'data_preprocessor: pad_size_divisor={divisor} would pad a '
                f'spectrogram; expected a frame that it divides, not {frame}, '
                'and stretch=True')
        if kwargs.get('batch_augments'):
            raise ConfigError('data_preprocessor: batch_augments change '
                              'pictures, not sound')
        if sound == 'audio':
            self.log_mel = layer

    def forward(self, data: dict, training: bool = False) -> dict:
        """Turn a batch into the input of the model.

        Args:
            data (dict): ``inputs``: ``{sound: (C, F, T) or (C, T) of each
                sample}``, and ``data_samples``, as of
                :class:`ModalityDetDataPreprocessor`.
            training (bool): Whether batch augmentations are run.

        Returns:
            dict: ``inputs`` (N, maps, H, W) float and ``data_samples``, which
            say that the image is ``frame``.
        """
        data = super().forward(data, training)
        for sample in data['data_samples'] or ():
            height, width = sample.metainfo.get('img_shape', self.frame)[:2]
            if height > self.frame[0] or width > self.frame[1]:
                raise ConfigError(
                    f'data_preprocessor: frame={self.frame}, but img_shape of '
                    f'a sample is {(height, width)}')
            sample.set_metainfo(
                dict(batch_input_shape=self.frame, pad_shape=self.frame))
        return data

    def _stack_modalities(self, inputs: Batch | dict[str, Batch]) -> Tensor:
        # Of the base: picks the entry, and says what is missing.
        if not isinstance(inputs, dict):
            inputs = {self.sound: inputs}
        (maps, ) = [self._pick(inputs, key) for key in self.modalities]
        if not isinstance(maps, Tensor):
            maps = self._as_batch(list(maps))
        if not self.stretch or maps.shape[-2:] == self.frame:
            return maps
        return resize_maps(maps, self.frame)

    def _scale(self, tensor: Tensor, key: str) -> Tensor:
        """Check (…, C, F, T), or make it of (…, C, T)."""
        if self.sound == 'spectrogram':
            return super()._scale(tensor, key)
        if tensor.dim() < 2 or tensor.shape[-2] != self.microphones:
            raise ConfigError(
                f'{key!r}: expected (…, {self.microphones}, T), found '
                f'{tuple(tensor.shape)}')
        return super()._scale(self.log_mel(tensor), key)

    def _as_batch(self, maps: list[Tensor]) -> Tensor:
        sizes = {tuple(sample.shape) for sample in maps}
        if len(sizes) == 1:
            return torch.stack(maps)
        if self.stretch and len({size[0] for size in sizes}) == 1:
            # Published spectrograms are up to two windows longer than others.
            return torch.cat([resize_maps(m[None], self.frame) for m in maps])
        advice = ('give LoadMultiChannelAudio a duration' if self.sound
                  == 'audio' else 'convert the sound files, which are cut to '
                  '--seconds') + ', or set stretch=True'
        raise ConfigError(f'{self.sound!r}: the samples of a batch differ: '
                          f'{sorted(sizes)}; {advice}')
