"""Sound as transforms load, change and mix it."""
import numpy as np
import pytest
import soundfile
import torch
from mmdet.datasets import MultiImageMixDataset
from mmdet.structures.bbox import HorizontalBoxes
from mmengine.dataset import BaseDataset

from mmxkd.datasets.transforms import (
    LoadMultiChannelAudio,
    LogMelSpectrogram,
    MixAudio,
    PackMultiModalInputs,
    RandomFlip,
)
from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.models.layers import LogMel

RATE = 44100


def clips(microphones: int = 8, seconds: float = 0.1, seed: int = 0):
    rng = np.random.default_rng(seed)
    return rng.uniform(-.5, .5, (microphones, int(seconds * RATE)))


def written(folder, sounds, rate: int = RATE) -> list[str]:
    paths = [str(folder / f'audio_{i}.wav') for i in range(len(sounds))]
    for path, sound in zip(paths, sounds, strict=True):
        soundfile.write(path, sound, rate, subtype='PCM_16')
    return paths


def test_eight_files_or_one(tmp_path):
    sounds = clips()
    paths = written(tmp_path, sounds)
    whole = tmp_path / 'all.wav'
    soundfile.write(whole, sounds.T, RATE, subtype='PCM_16')
    single = LoadMultiChannelAudio()(dict(audio_paths=paths))
    together = LoadMultiChannelAudio()(dict(audio_path=str(whole)))
    np.testing.assert_array_equal(single['audio'], together['audio'])
    np.testing.assert_allclose(single['audio'], sounds, atol=1e-4)
    assert single['audio'].dtype == np.float32
    assert (single['sample_rate'], single['audio_clipped']) == (RATE, 0)
    assert 'img_shape' not in single


def test_a_duration_cuts_the_end(tmp_path):
    sounds = clips()
    paths = written(tmp_path, [s[:len(s) - i] for i, s in enumerate(sounds)])
    loaded = LoadMultiChannelAudio(duration=.09)(dict(audio_paths=paths))
    assert loaded['audio'].shape == (8, 3969)
    np.testing.assert_allclose(loaded['audio'], sounds[:, :3969], atol=1e-4)
    with pytest.raises(CorruptSampleError,
                       match=r'audio_1.*4409 samples.*expected 4410'):
        LoadMultiChannelAudio(duration=.1)(dict(audio_paths=paths))
    with pytest.raises(CorruptSampleError,
                       match=r'audio_1.*4409 samples.*audio_0.wav has 4410'):
        LoadMultiChannelAudio()(dict(audio_paths=paths))


def test_another_rate(tmp_path):
    paths = written(tmp_path, clips(seconds=.2), RATE * 2)
    loaded = LoadMultiChannelAudio()(dict(audio_paths=paths))
    assert loaded['audio'].shape == (8, 4410)


@pytest.mark.parametrize('count', [7, 9])
def test_seven_or_nine(tmp_path, count):
    sounds = clips(count)
    with pytest.raises(CorruptSampleError, match=f'{count} files of a frame'):
        LoadMultiChannelAudio()(dict(audio_paths=written(tmp_path, sounds)))
    whole = tmp_path / 'all.wav'
    soundfile.write(whole, sounds.T, RATE)
    with pytest.raises(CorruptSampleError,
                       match=f'{count} channels, expected 8'):
        LoadMultiChannelAudio()(dict(audio_path=str(whole)))


@pytest.mark.parametrize('wrong, message', [
    (dict(microphones='8'), "microphones='8', expected a whole number of 1"),
    (dict(sample_rate=0), 'sample_rate=0, expected a whole number'),
    (dict(duration=0), 'duration=0, expected a number of '),
    (dict(duration='1'), "duration='1', expected a number"),
    (dict(frame=768), 'frame=768, expected height and width'),
    (dict(frame=(0, 768)), r'frame=\(0, 768\), expected height and width'),
])
def test_options_that_cannot_be(wrong, message):
    with pytest.raises(ConfigError, match=message):
        LoadMultiChannelAudio(**wrong)


def test_samples_that_name_no_files(tmp_path):
    load = LoadMultiChannelAudio()
    for sample in ({}, dict(audio_paths=None), dict(audio_path=None)):
        with pytest.raises(ConfigError, match='neither audio_paths nor'):
            load(sample)
    with pytest.raises(
            ConfigError, match="audio_paths='a.wav', expected a "
            'list.*one file of all is audio_path'):
        load(dict(audio_paths='a.wav'))


def test_sizes_and_sounds_that_give_no_spectrogram():
    sample = dict(audio=np.zeros((8, 400), np.float32), sample_rate=RATE)
    with pytest.raises(
            ConfigError, match='n_fft=1024 needs 513 samples, but '
            'the sound of the sample has 400'):
        LogMelSpectrogram()(sample)
    for size in (768, (0, 768), (96, )):
        with pytest.raises(ConfigError, match='size=.*height and width'):
            LogMelSpectrogram(size=size)


def test_bad_microphones_are_named(tmp_path):
    sounds = clips()
    sounds[5] = 0
    sample = dict(audio_paths=written(tmp_path, sounds))
    with pytest.raises(CorruptSampleError,
                       match='audio_5.*microphone 5 is silent'):
        LoadMultiChannelAudio()(sample)
    kept = LoadMultiChannelAudio(silent='keep')(sample)
    assert not kept['audio'][5].any()
    sounds[5] = sounds[2]
    written(tmp_path, sounds)
    with pytest.raises(CorruptSampleError,
                       match='microphone 5 hears exactly what microphone 2'):
        LoadMultiChannelAudio()(sample)
    soundfile.write(sample['audio_paths'][3], sounds[:2].T, RATE)
    with pytest.raises(CorruptSampleError, match='audio_3.*2 channels'):
        LoadMultiChannelAudio()(sample)
    (tmp_path / 'audio_3.wav').unlink()
    with pytest.raises(CorruptSampleError, match='audio_3.*cannot be read'):
        LoadMultiChannelAudio()(sample)


def test_clipped_sound_is_counted_and_warned_of(tmp_path):
    sounds = clips()
    sounds[4, 100:105] = 1.
    sounds[6, 50] = -1.  # a peak
    sample = dict(audio_paths=written(tmp_path, sounds))
    with pytest.warns(UserWarning, match='audio_4.wav: sound is clipped: 3'):
        assert LoadMultiChannelAudio()(sample)['audio_clipped'] == 3


def test_sound_alone_says_where_boxes_lie(tmp_path):
    sample = dict(audio_paths=written(tmp_path, clips()))
    pipeline = [
        LoadMultiChannelAudio(frame=(96, 128)),
        LogMelSpectrogram(),
        PackMultiModalInputs(
            modalities=('spectrogram', ),
            meta_keys=('ori_shape', 'img_shape', 'scale_factor'))
    ]
    for transform in pipeline:
        sample = transform(sample)
    assert sample['inputs']['spectrogram'].shape == (8, 80, 18)
    assert sample['data_samples'].img_shape == (96, 128)
    with pytest.raises(ConfigError, match='img was loaded'):
        LoadMultiChannelAudio(frame=(9, 9))(dict(
            audio_paths=written(tmp_path, clips()), img=np.zeros((9, 9, 3))))


def test_spectrogram_is_the_layers():
    audio = clips().astype(np.float32)
    transform = LogMelSpectrogram(size=(64, 96), reference='common')
    made = transform(dict(audio=audio, sample_rate=RATE))['spectrogram']
    expected = LogMel(reference='common')(torch.from_numpy(audio))
    expected = torch.nn.functional.interpolate(expected[None], (64, 96),
                                               mode='bicubic')[0]
    np.testing.assert_array_equal(made, expected)
    with pytest.raises(ConfigError, match='has 16000 Hz'):
        transform(dict(audio=audio, sample_rate=16000))
    with pytest.raises(ConfigError, match='LoadMultiChannelAudio loads it'):
        transform(dict())


def test_a_flip_exchanges_microphones():
    """And undoes itself; the spectrogram of the flipped sound is flipped."""
    permutation = [1, 0, 3, 2, 5, 4, 7, 6]
    audio = clips().astype(np.float32)
    sample = dict(img=np.zeros((8, 8, 3), np.uint8), audio=audio,
                  img_shape=(8, 8), sample_rate=RATE)
    flip = RandomFlip(prob=1., microphone_permutation=permutation)
    flipped = flip(dict(sample))
    np.testing.assert_array_equal(flipped['audio'], audio[permutation])
    again = flip(dict(flipped))
    np.testing.assert_array_equal(again['audio'], audio)
    first = LogMelSpectrogram()
    np.testing.assert_allclose(
        first(flipped)['spectrogram'],
        flip(first(dict(sample)))['spectrogram'], atol=1e-5)


def heard(boxes, labels, seed) -> dict:
    return dict(audio=clips(2, .05, seed).astype(np.float32), sample_rate=RATE,
                gt_bboxes=HorizontalBoxes(np.array(boxes, np.float32)),
                gt_bboxes_labels=np.array(labels),
                gt_ignore_flags=np.zeros(len(labels), bool))


class Recordings(BaseDataset):
    """Four of them, each with one box of its own class."""

    def load_data_list(self):
        return [heard([[i, 0, 9, 9]], [i], i) for i in range(4)]


def test_mixing_adds_waveforms_and_joins_boxes():
    first = heard([[0, 0, 9, 9]], [0], 0)
    second = heard([[5, 5, 9, 9], [1, 1, 2, 2]], [1, 2], 1)
    expected = first['audio'] + 0.5 * second['audio']
    mixed = MixAudio(prob=1., gain=(.5, .5))(dict(first, mix_results=[second]))
    np.testing.assert_allclose(mixed['audio'], expected, rtol=1e-6)
    assert mixed['gt_bboxes'].tensor.tolist() == [[0, 0, 9, 9], [5, 5, 9, 9],
                                                  [1, 1, 2, 2]]
    assert mixed['gt_bboxes_labels'].tolist() == [0, 1, 2]
    assert mixed['gt_ignore_flags'].shape == (3, )
    kept = MixAudio(prob=0.)(dict(first, mix_results=[second]))
    np.testing.assert_array_equal(kept['audio'], first['audio'])


def test_mixing_in_mmdets_dataset():
    np.random.seed(0)
    records = Recordings(serialize_data=False)
    dataset = MultiImageMixDataset(records,
                                   [dict(type='mmxkd.MixAudio', prob=1.)])
    mixed = dataset[2]
    assert len(mixed['gt_bboxes']) == 2 and 'mix_results' not in mixed
    partner = int(mixed['gt_bboxes_labels'][1])
    np.testing.assert_allclose(mixed['audio'],
                               records[2]['audio'] + records[partner]['audio'])


def test_what_cannot_be_mixed():
    first, second = heard([], [], 0), heard([], [], 1)
    first['gt_bboxes'] = HorizontalBoxes(np.zeros((0, 4), np.float32))
    second['gt_bboxes'] = first['gt_bboxes']
    mix = MixAudio(prob=0.)
    for key in ('img', 'spectrogram'):
        with pytest.raises(ConfigError, match=f'{key!r} of two scenes'):
            mix(dict(first, mix_results=[second], **{key: np.zeros((2, 2))}))
    with pytest.raises(ConfigError, match='one length and rate'):
        mix(dict(first, mix_results=[dict(second, sample_rate=8000)]))
    with pytest.raises(ConfigError, match='MultiImageMixDataset'):
        mix(dict(first))
    del second['gt_bboxes']
    with pytest.raises(ConfigError, match="only one .* has 'gt_bboxes'"):
        mix(dict(first, mix_results=[second]))
    for wrong, message in ((dict(prob=2), 'prob=2, expected a number from 0'),
                           (dict(prob='x'), "prob='x', expected a number"),
                           (dict(gain=1), 'gain=1, expected two numbers'),
                           (dict(gain=(1, )), r'gain=\(1,\), expected two'),
                           (dict(gain=(0, 1)), 'above 0, rising'),
                           (dict(gain=(2, 1)), 'above 0, rising')):
        with pytest.raises(ConfigError, match=message):
            MixAudio(**wrong)
