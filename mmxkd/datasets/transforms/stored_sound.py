"""Loading of sound that a converter has put into one file per frame."""
import numpy as np
from mmcv.transforms import BaseTransform

from mmxkd.errors import (
    ConfigError,
    CorruptSampleError,
    check_known,
    check_number,
)
from mmxkd.formats.mavd.sound_array import (
    KINDS,
    SPECTROGRAM,
    WAVEFORM,
    SoundArray,
    read_sound_array,
)
from mmxkd.registry import TRANSFORMS

from .adding import add_modality


@TRANSFORMS.register_module()
class LoadStoredSound(BaseTransform):
    """Load what all microphones heard from the one file of a frame.

    ``tools/dataset_converters/mavd.py`` writes these files. What
    :class:`.LoadMultiChannelAudio` checks, the converter has checked.

    Required Keys:

    - sound_path (str)
    - height, width (int): of the frame; where no picture was loaded

    Added Keys:

    - audio (np.float32): (C, T), -1 to 1, where the file holds waveforms
    - spectrogram (np.float32): (C, F, T) in dB, where it holds spectrograms
    - sample_rate (int): Hz
    - audio_clipped (int): samples at full scale whose neighbours are, too
    - img_shape, ori_shape, scale_factor: where no picture was loaded: boxes
      lie in the frame of the picture that is not there

    Args:
        holds (str): What the file has to hold: ``'waveform'`` or
            ``'spectrogram'``.
        microphones (int): C.
        sample_rate (int): Hz.
        reference (str): What is 0 dB in a spectrogram, as in
            :class:`mmxkd.models.layers.LogMel`: ``'microphone'`` or
            ``'common'``.
        top_db (float): What is further below the loudest value is raised to
            this; spectrograms alone.

    Raises:
        ConfigError: A word is unknown, or a number out of range; or the
            sample names no file.
        CorruptSampleError: The file is missing, damaged, or holds something
            else; or its levels are gone, and ``reference`` needs them.
    """

    def __init__(self, holds: str = WAVEFORM, microphones: int = 8,
                 sample_rate: int = 44100, reference: str = 'microphone',
                 top_db: float = 80.) -> None:
        check_known('LoadStoredSound: holds', holds, KINDS)
        check_known('LoadStoredSound: reference', reference,
                    ('microphone', 'common'))
        for name, count in (('microphones', microphones), ('sample_rate',
                                                           sample_rate)):
            check_number(f'LoadStoredSound: {name}', count, 1, whole=True)
        check_number('LoadStoredSound: top_db', top_db, above=0)
        self.holds, self.microphones = holds, microphones
        self.sample_rate = sample_rate
        self.reference, self.top_db = reference, top_db

    def transform(self, results: dict) -> dict:
        path = results.get('sound_path')
        if path is None:
            raise ConfigError('LoadStoredSound: the sample has no sound_path; '
                              'mmxkd.MAVDDataset names one')
        sound = read_sound_array(path)
        self._check(path, sound)
        results['sample_rate'] = sound.sample_rate
        results['audio_clipped'] = sound.clipped
        if 'img' not in results and {'height', 'width'} <= results.keys():
            shape = results['height'], results['width']
            results.update(img_shape=shape, ori_shape=shape,
                           scale_factor=(1., 1.))
        if sound.kind == WAVEFORM:
            return add_modality(results, 'audio', sound.values, path)
        return add_modality(results, 'spectrogram',
                            self._referred(path, sound), path)

    def _check(self, path: str, sound: SoundArray) -> None:
        if sound.kind != self.holds:
            raise CorruptSampleError(
                path, 'audio', f'holds a {sound.kind}, but LoadStoredSound '
                f'expects holds={self.holds!r}; convert with --store '
                f'{self.holds}, or ' +
                ('leave LogMelSpectrogram out' if sound.kind == SPECTROGRAM
                 else 'make spectrograms by LogMelSpectrogram')
                + f' and say holds={sound.kind!r}')
        if len(sound.values) != self.microphones:
            raise CorruptSampleError(
                path, 'audio', f'{len(sound.values)} microphones, expected '
                f'{self.microphones}')
        if sound.sample_rate != self.sample_rate:
            raise CorruptSampleError(
                path, 'audio', f'{sound.sample_rate} Hz, expected '
                f'{self.sample_rate}: sample_rate of LoadStoredSound and '
                '--sample-rate of the converter have to be the same')

    def _referred(self, path: str, sound: SoundArray) -> np.ndarray:
        """As ``LogMel`` makes it of the waveform, rounding aside."""
        if sound.reference != 'absolute' and self.reference == 'common':
            raise CorruptSampleError(
                path, 'audio', 'its levels are gone: published spectrograms '
                "have each microphone's own reference; reference='common' "
                'needs the sound files')
        over = (1, 2) if self.reference == 'microphone' else (0, 1, 2)
        values = sound.values
        loudest = values.max(axis=over, keepdims=True)
        return np.maximum(values - loudest, np.float32(-self.top_db))

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(holds={self.holds!r}, '
                f'microphones={self.microphones}, '
                f'sample_rate={self.sample_rate}, '
                f'reference={self.reference!r}, top_db={self.top_db})')
