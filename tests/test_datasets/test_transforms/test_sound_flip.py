"""A mirrored scene that is heard, and not seen."""
import numpy as np
import pytest
import torch
from mmdet.datasets.transforms import RandomFlip as MMDET_RandomFlip
from mmdet.structures.bbox import HorizontalBoxes
from mmengine.config import Config

from mmxkd.datasets.transforms import (
    LogMelSpectrogram,
    PackMultiModalInputs,
    RandomFlip,
)
from mmxkd.errors import ConfigError
from mmxkd.synthetic.drives.rig import (
    microphone_places,
    mirrored_microphones,
)

RATE = 16000
FRAME = (48, 120)
PERMUTATION = [0, 7, 6, 5, 4, 3, 2, 1]


def heard_at(place, seconds: float = 0.2) -> np.ndarray:
    """(8, T): what a point at ``place`` (x, y, z) sounds like, by hand.

    Three tones, of which each microphone hears the later and the less the
    further away it is.
    """
    time = np.arange(round(RATE * seconds)) / RATE
    way = np.linalg.norm(microphone_places() - np.array(place), axis=1)
    sound = np.zeros((8, len(time)))
    for tone, phase in ((310., .3), (740., 1.1), (2300., 2.)):
        sound += np.sin(2 * np.pi * tone * (time - way[:, None] / 343) + phase)
    return (sound / way[:, None]).astype(np.float32)


def sample_of(audio, **more) -> dict:
    return dict(
        dict(audio=audio, sample_rate=RATE, img_shape=FRAME, ori_shape=FRAME,
             scale_factor=(1., 1.), img_id=3,
             gt_bboxes=HorizontalBoxes(torch.tensor([[10., 6., 40., 18.]])),
             gt_bboxes_labels=np.array([0])), **more)


@pytest.fixture
def flip():
    return RandomFlip(prob=1., microphone_permutation=PERMUTATION)


def test_boxes_are_mirrored_in_the_frame(flip):
    audio = heard_at((4., 0., 9.))
    flipped = flip(sample_of(audio))
    np.testing.assert_array_equal(flipped['gt_bboxes'].numpy(),
                                  [[80, 6, 110, 18]])
    np.testing.assert_array_equal(flipped['audio'], audio[PERMUTATION])
    # There is no picture, as before.
    assert 'img' not in flipped and flipped['img_shape'] == FRAME
    assert flipped['flip'] and flipped['flip_direction'] == 'horizontal'
    assert flipped['flipped_modalities'] == ['audio']


def test_twice_is_not_at_all(flip):
    audio = heard_at((4., 0., 9.))
    twice = flip(flip(sample_of(audio)))
    np.testing.assert_array_equal(twice['audio'], audio)
    np.testing.assert_array_equal(twice['gt_bboxes'].numpy(),
                                  [[10, 6, 40, 18]])


def test_boxes_go_as_with_a_picture(flip):
    audio = heard_at((4., 0., 9.))
    seen = flip(sample_of(audio, img=np.zeros((*FRAME, 3), np.uint8)))
    alone = flip(sample_of(audio))
    np.testing.assert_array_equal(seen['gt_bboxes'].numpy(),
                                  alone['gt_bboxes'].numpy())
    np.testing.assert_array_equal(seen['audio'], alone['audio'])
    assert 'img' in seen


def test_a_flip_that_is_not_drawn_changes_nothing():
    audio = heard_at((4., 0., 9.))
    same = RandomFlip(prob=0.,
                      microphone_permutation=PERMUTATION)(sample_of(audio))
    np.testing.assert_array_equal(same['audio'], audio)
    np.testing.assert_array_equal(same['gt_bboxes'].numpy(), [[10, 6, 40, 18]])
    assert 'img' not in same and not same['flip']


def test_without_a_frame_boxes_cannot_be_mirrored(flip):
    sample = sample_of(heard_at((4., 0., 9.)))
    del sample['img_shape']
    with pytest.raises(
            ConfigError, match='RandomFlip: the sample has neither a '
            'picture nor img_shape; mmxkd.LoadStoredSound gives'):
        flip(sample)


def test_a_vertical_flip_leaves_the_sound():
    audio = heard_at((4., 0., 9.))
    flipped = RandomFlip(prob=1., direction='vertical')(sample_of(audio))
    np.testing.assert_array_equal(flipped['audio'], audio)
    np.testing.assert_array_equal(flipped['gt_bboxes'].numpy(),
                                  [[10, 30, 40, 42]])


def test_the_mirrored_world_sounds_like_that(flip):
    """A car on the left is heard as the same car on the right."""
    flipped = flip(sample_of(heard_at((4., .3, 9.))))
    np.testing.assert_allclose(flipped['audio'], heard_at((-4., .3, 9.)),
                               atol=1e-6)
    # Not by chance: the world that is not mirrored sounds different.
    assert np.abs(flipped['audio'] - heard_at((4., .3, 9.))).max() > .05


@pytest.mark.parametrize('reference', ['common', 'microphone'])
def test_maps_of_a_flipped_sample(flip, reference):
    """Loudness goes with the microphones, phases with pairs of them.

    The pair of k and k + 1 becomes that of -k and -k - 1, which is the pair
    of number -k - 1, heard the other way round: the imaginary part changes
    its sign.
    """
    log_mel = LogMelSpectrogram(sample_rate=RATE, n_mels=24, phase=True,
                                reference=reference)
    audio = heard_at((4., .3, 9.))
    plain = log_mel(sample_of(audio))['spectrogram']
    flipped = log_mel(flip(sample_of(audio)))['spectrogram']
    mirrored = log_mel(sample_of(heard_at((-4., .3, 9.))))['spectrogram']
    pairs = [(-k - 1) % 8 for k in range(8)]
    loud, real, imaginary = np.split(plain, 3)
    expected = [loud[PERMUTATION], real[pairs], -imaginary[pairs]]
    np.testing.assert_allclose(flipped, np.concatenate(expected), atol=1e-4)
    # Where something is heard: elsewhere, phases are those of rounding.
    there = loud[PERMUTATION] > -40
    for own, other in zip(np.split(flipped, 3), np.split(mirrored, 3),
                          strict=True):
        np.testing.assert_allclose(own[there], other[there], atol=2e-3)
    assert there.mean() > .1 and np.abs(imaginary[there[pairs]]).max() > .3


def test_the_spectrogram_of_a_flipped_sample_packs(flip):
    pack = PackMultiModalInputs(('spectrogram', ),
                                meta_keys=('img_id', 'img_shape', 'flip'))
    log_mel = LogMelSpectrogram(sample_rate=RATE, n_mels=24)
    sample = log_mel(flip(sample_of(heard_at((4., 0., 9.)))))
    assert sample['flipped_modalities'] == ['audio', 'spectrogram']
    packed = pack(sample)
    assert packed['inputs']['spectrogram'].shape[:2] == (8, 24)
    assert packed['data_samples'].flip
    assert packed['data_samples'].gt_instances.bboxes.numpy().tolist() == [[
        80, 6, 110, 18
    ]]


def test_a_spectrogram_of_sound_that_was_not_flipped_is_refused():
    """As by mmdet's own transform, which knows no sound."""
    sample = sample_of(heard_at((4., 0., 9.)), img=np.zeros((*FRAME, 3),
                                                            np.uint8))
    sample = MMDET_RandomFlip(prob=1.)(sample)
    sample = LogMelSpectrogram(sample_rate=RATE, n_mels=24)(sample)
    assert 'flipped_modalities' not in sample
    with pytest.raises(ConfigError, match="'spectrogram'"):
        PackMultiModalInputs(('spectrogram', ), meta_keys=('img_id', ))(sample)


def test_the_config_mirrors_the_rig_of_the_synthetic_drives(repo):
    cfg = Config.fromfile(repo / 'configs/_base_/sound_tiny.py')
    assert cfg.flip.microphone_permutation == mirrored_microphones()
    for name in ('train_pipeline', 'distill_pipeline', 'rgb_distill_pipeline'):
        types = [step.type for step in cfg[name]]
        # Of waveforms: a spectrogram with phases is not permuted by this.
        assert types.index('mmxkd.RandomFlip') < types.index(
            'mmxkd.LogMelSpectrogram')
    # Cameras mirror without asking for it.
    for pipeline in cfg.camera_train_pipelines.values():
        assert 'mmxkd.RandomFlip' in [step.type for step in pipeline]
    assert 'mmxkd.RandomFlip' not in [s.type for s in cfg.test_pipeline]
