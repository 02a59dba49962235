"""Loaders of thermal, of depth in colours, and of stored sound."""
import cv2
import numpy as np
import pytest
import torch

from mmxkd.datasets.transforms import (
    CropColumns,
    LoadDepthPicture,
    LoadStoredSound,
    LoadThermal,
    LogMelSpectrogram,
    Resize,
    StretchThermal,
)
from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.mavd.sound_array import SoundArray, write_sound
from mmxkd.models.layers import LogMel

RATE = 44100


def picture(folder, value, name='a.png'):
    path = str(folder / name)
    assert cv2.imwrite(path, value)
    return path


GREY = np.arange(21000, 21000 + 24 * 60, dtype=np.uint16).reshape(24, 60)


def test_thermal_keeps_its_bits(tmp_path):
    path = picture(tmp_path, GREY)
    found = LoadThermal()(dict(thermal_path=path))['thermal']
    np.testing.assert_array_equal(found, GREY)
    assert found.dtype == np.uint16
    # A JPEG as published, of three equal channels.
    grey = np.full((24, 60), 77, np.uint8)
    path = picture(tmp_path, np.dstack([grey] * 3), 'b.png')
    found = LoadThermal()(dict(thermal_path=path))['thermal']
    np.testing.assert_array_equal(found, grey)


def test_a_png_of_16_bits_under_the_name_of_a_jpeg(tmp_path):
    """The published names end in .jpg, whatever is in the file."""
    path = tmp_path / 'a.jpg'
    path.write_bytes(open(picture(tmp_path, GREY), 'rb').read())
    found = LoadThermal()(dict(thermal_path=str(path)))['thermal']
    np.testing.assert_array_equal(found, GREY)


def test_thermal_that_is_not(tmp_path):
    colours = np.random.default_rng(0).integers(0, 255, (24, 60, 3), np.uint8)
    with pytest.raises(CorruptSampleError, match='3 channels that differ'):
        LoadThermal()(dict(thermal_path=picture(tmp_path, colours)))
    with pytest.raises(CorruptSampleError, match='cannot be read'):
        LoadThermal()(dict(thermal_path=str(tmp_path / 'none.png')))
    with pytest.raises(ConfigError, match='no thermal_path for a.jpg'):
        LoadThermal()(dict(img_path='a.jpg'))
    path = picture(tmp_path, GREY, 'c.png')
    with pytest.raises(CorruptSampleError, match='60x24 uint16, but img is'):
        LoadThermal()(dict(thermal_path=path, img=colours[:20]))


def stretched(value, **kwargs):
    return StretchThermal(**kwargs)(dict(thermal=value,
                                         thermal_path='night.png'))['thermal']


def test_the_published_window():
    """The sheet's own example, section 2.2."""
    value = np.array([[100, 22000], [23000, 26000]], np.uint16)
    assert stretched(value).tolist() == [[0, 16], [96, 255]]
    assert stretched(value, window=None).tolist() == [[0, 216], [225, 255]]


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16])
def test_8_bits_are_not_blackened(dtype):
    value = np.array([[10, 20], [30, 60]], dtype)
    with pytest.raises(
            CorruptSampleError,
            match=r'night.png: has 8 bits.*\(21800, 25000\).*black'
            '.*window=None'):
        stretched(value)
    assert stretched(value, window=None).tolist() == [[0, 51], [102, 255]]


def test_thermal_in_which_there_is_nothing():
    value = np.full((2, 2), 26000, np.uint16)
    with pytest.warns(UserWarning, match='night.png.*shows nothing'):
        assert not stretched(value).any()


def test_stretched_twice_or_by_nothing():
    with pytest.raises(CorruptSampleError, match='is of float32'):
        stretched(stretched(GREY))
    for window in ((2, 2), 5, (1, ), (1, 2, 3), 'ab', (float('nan'), 3)):
        with pytest.raises(ConfigError, match='window=.*lower and a higher'):
            StretchThermal(window=window)
    with pytest.raises(ConfigError, match='has no thermal'):
        StretchThermal()({})


def test_depth_stays_as_it_was_coloured(tmp_path):
    jet = cv2.applyColorMap(
        np.arange(240, dtype=np.uint8).reshape(4, 60), cv2.COLORMAP_JET)
    sample = dict(depth_picture_path=picture(tmp_path, jet))
    found = LoadDepthPicture()(dict(sample))['depth_picture']
    np.testing.assert_array_equal(found, jet)
    found = LoadDepthPicture(to_float32=True)(dict(sample))['depth_picture']
    assert found.dtype == np.float32 and (found == jet).all()


@pytest.mark.parametrize('value, message', [
    (np.full((4, 6), 7, np.uint8), 'found 1 of uint8'),
    (np.full((4, 6), 7, np.uint16), 'found 1 of uint16'),
    (np.full((4, 6, 3), 7, np.uint16), 'found 3 of uint16'),
    (np.full((4, 6, 3), 7, np.uint8), 'this picture is grey'),
])
def test_depth_without_colours(tmp_path, value, message):
    with pytest.raises(CorruptSampleError, match=message):
        LoadDepthPicture()(dict(depth_picture_path=picture(tmp_path, value)))


def test_no_depth():
    with pytest.raises(ConfigError, match='no depth_picture_path'):
        LoadDepthPicture()({})


def test_columns():
    img = np.arange(24 * 60 * 3).reshape(24, 60, 3)
    found = CropColumns()(dict(img=img, thermal=GREY, columns=(10, 50)))
    np.testing.assert_array_equal(found['img'], img[:, 10:50])
    np.testing.assert_array_equal(found['thermal'], GREY[:, 10:50])
    assert found['img_shape'] == found['ori_shape'] == (24, 40)
    with pytest.raises(CorruptSampleError, match='has 60 columns'):
        CropColumns()(dict(img=img, columns=(10, 61), img_path='a.jpg'))
    with pytest.raises(ConfigError, match='names no columns'):
        CropColumns()(dict(img=img))
    with pytest.raises(ConfigError, match='no picture was loaded'):
        CropColumns()(dict(columns=(0, 1)))


def stored(folder, kind='waveform', **kwargs):
    rng = np.random.default_rng(0)
    # Levels of -40 dB to 0, as a quiet and a loud microphone have.
    audio = rng.normal(0, .1, (8, RATE // 10)) * np.logspace(-2, 0, 8)[:, None]
    sound = SoundArray('waveform', audio.astype(np.float32), RATE, 3)
    if kind == 'spectrogram':
        layer = LogMel(reference=1., top_db=1000.)
        sound = SoundArray('spectrogram',
                           layer(torch.from_numpy(sound.values)).numpy(), RATE,
                           3, reference='absolute')
    for key, value in kwargs.items():
        setattr(sound, key, value)
    path = str(folder / 'sound.npz')
    write_sound(path, sound)
    return path, sound


def test_waveforms_come_back(tmp_path):
    path, sound = stored(tmp_path)
    found = LoadStoredSound()(dict(sound_path=path))
    peak = np.abs(sound.values).max(axis=1, keepdims=True)
    assert (np.abs(found['audio'] - sound.values) <= peak / 2**15).all()
    assert (found['sample_rate'], found['audio_clipped']) == (RATE, 3)
    assert found['audio'].dtype == np.float32
    assert 'spectrogram' not in found and 'img_shape' not in found


@pytest.mark.parametrize('reference', ['microphone', 'common'])
def test_a_stored_spectrogram_is_that_of_its_waveform(tmp_path, reference):
    """To 1/256 dB; the rounding of the reference included."""
    path, _ = stored(tmp_path, 'spectrogram')
    found = LoadStoredSound(holds='spectrogram', reference=reference)(
        dict(sound_path=path))['spectrogram']
    _, sound = stored(tmp_path)
    exact = LogMelSpectrogram(reference=reference)(dict(
        audio=sound.values, sample_rate=RATE))['spectrogram']
    assert np.abs(found - exact).max() <= 1 / 256 + 1e-4
    assert found.max() == 0 and found.min() >= -80


def test_a_stored_waveform_has_the_published_spectrogram(tmp_path):
    path, sound = stored(tmp_path)
    found = LogMelSpectrogram()(LoadStoredSound()(dict(sound_path=path)))
    exact = LogMelSpectrogram()(dict(audio=sound.values, sample_rate=RATE))
    assert np.abs(found['spectrogram'] - exact['spectrogram']).max() < .02


def test_what_the_file_does_not_hold(tmp_path):
    path, _ = stored(tmp_path)
    for kwargs, message in ((dict(holds='spectrogram'),
                             'holds a waveform.*LogMelSpectrogram'),
                            (dict(microphones=7), '8 microphones, expected 7'),
                            (dict(sample_rate=16000), 'expected 16000')):
        with pytest.raises(CorruptSampleError, match=message):
            LoadStoredSound(**kwargs)(dict(sound_path=path))
    path, _ = stored(tmp_path, 'spectrogram', reference='microphone')
    with pytest.raises(CorruptSampleError, match='holds a spectrogram'):
        LoadStoredSound()(dict(sound_path=path))
    with pytest.raises(CorruptSampleError, match='its levels are gone'):
        LoadStoredSound(holds='spectrogram',
                        reference='common')(dict(sound_path=path))
    LoadStoredSound(holds='spectrogram')(dict(sound_path=path))
    with pytest.raises(ConfigError, match='no sound_path'):
        LoadStoredSound()({})
    for wrong, message in ((dict(holds='waveforms'), 'holds='),
                           (dict(top_db=-5), 'top_db=-5, expected a number'),
                           (dict(microphones=0), 'microphones=0, expected'),
                           (dict(sample_rate='x'), "sample_rate='x', exp")):
        with pytest.raises(ConfigError, match=message):
            LoadStoredSound(**wrong)


def test_a_frame_without_a_picture(tmp_path):
    path, _ = stored(tmp_path)
    sample = dict(sound_path=path, height=650, width=1520)
    found = Resize(scale=(768, 768),
                   keep_ratio=True)(LoadStoredSound()(dict(sample)))
    assert (found['ori_shape'], found['img_shape']) == ((650, 1520), (328,
                                                                      768))
    assert found['scale_factor'] == pytest.approx((768 / 1520, 328 / 650))
    whole = Resize(scale=(96, 48),
                   keep_ratio=False)(LoadStoredSound()(dict(sample)))
    assert whole['img_shape'] == (48, 96)
    picture = np.zeros((650, 1520, 3), np.uint8)
    seen = Resize(scale=(768, 768),
                  keep_ratio=True)(dict(img=picture,
                                        img_shape=picture.shape[:2]))
    for key in ('img_shape', 'scale_factor', 'keep_ratio'):
        assert seen[key] == found[key]
    with pytest.raises(ConfigError, match='neither a picture nor img_shape'):
        Resize(scale=(96, 96))({})
