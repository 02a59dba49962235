"""What the converter of MAVD makes of the files of one frame, and refuses."""
import pickle
import re
import shutil
from dataclasses import replace

import numpy as np
import pytest
import soundfile
import torch

from mmxkd.datasets.convert import mavd
from mmxkd.datasets.convert.mavd_report import BadFilesError
from mmxkd.errors import ConfigError
from mmxkd.formats.mavd.layout import audio_path, picture_path, sound_path
from mmxkd.formats.mavd.sound_array import read_sound_array
from mmxkd.models.layers import LogMel
from tests.helpers.commands import load_tool
from tests.helpers.mavd_run import (
    FIRST,
    ONE,
    SOUND,
    bad_of,
    cut,
    picture,
    rewrite,
    run,
    wav,
    write_picture,
)
from tests.helpers.mavd_tree import (
    RATE,
    SPLITS,
    frames_of,
    sounds_of,
    spectrogram_of,
    write_sound,
    write_tree,
)
from tests.helpers.payloads import touch


def test_arrays_hold_every_bit_of_the_files(drives, tmp_path):
    report = run(drives, tmp_path)
    assert report.frames == dict(train=3, val=2, test=1)
    for split in SPLITS:
        for frame in frames_of(split):
            sound = read_sound_array(tmp_path / sound_path(frame))
            np.testing.assert_array_equal(sound.values, sounds_of(frame))
            assert (sound.kind, sound.sample_rate,
                    sound.clipped) == ('waveform', RATE, 0)
    # 8 microphones, 800 samples of 2 bytes each, and 1 kB of names.
    assert 12800 < (tmp_path / sound_path(FIRST)).stat().st_size < 14000


def test_spectrograms_have_levels_and_half_the_bytes(drives, tmp_path):
    run(drives, tmp_path, store='spectrogram')
    sound = read_sound_array(tmp_path / sound_path(FIRST))
    assert (sound.kind, sound.reference) == ('spectrogram', 'absolute')
    assert sound.front_end == dict(n_fft=1024, hop=256, n_mels=80)
    layer = LogMel(RATE, reference=1., top_db=1000.)
    exact = layer(torch.from_numpy(sounds_of(FIRST))).numpy()
    assert np.abs(sound.values - exact).max() <= 1 / 512 + 1e-5


def test_pickles_become_spectrograms(tmp_path):
    root = write_tree(tmp_path / 'drives', '.pkl')
    report = run(root)
    assert report.frames['train'] == 3
    sound = read_sound_array(root / sound_path(FIRST))
    assert (sound.kind, sound.reference) == ('spectrogram', 'microphone')
    exact = np.stack([spectrogram_of(s) for s in sounds_of(FIRST)])
    assert np.abs(sound.values - exact).max() <= 1 / 512 + 1e-5


def test_pickles_of_several_lengths_are_counted(repo, tmp_path, capsys):
    root = write_tree(tmp_path / 'drives', '.pkl')
    longer = max(spectrogram_of(s).shape[1] for s in sounds_of(FIRST))
    for k, sound in enumerate(sounds_of(FIRST)):
        path = root / audio_path(FIRST, k, '.pkl')
        path.write_bytes(pickle.dumps(spectrogram_of(sound)[:, :-2], 4))
    report = run(root)
    counted = {k: n for k, n in report.totals.items() if 'windows' in k}
    assert counted == {
        f'frames of {longer - 2} windows of sound': 1,
        f'frames of {longer} windows of sound': 5
    }
    load_tool(repo / 'tools/dataset_converters/mavd.py').show(report)
    assert 'spectrograms differ in length' in capsys.readouterr().out


@pytest.mark.parametrize('suffix', ['.flac', '.mp3'])
def test_other_forms_of_sound(root, suffix):
    """An mp3 rounds by itself; it holds other samples, not other frames."""
    for k, sound in enumerate(sounds_of(FIRST)):
        (root / audio_path(FIRST, k, '.wav')).unlink()
        write_sound(root / audio_path(FIRST, k, suffix), sound)
    run(root)
    found = read_sound_array(root / sound_path(FIRST)).values
    read, rate = zip(
        *[
            soundfile.read(root / audio_path(FIRST, k, suffix),
                           dtype='float32') for k in range(8)
        ], strict=True)
    assert set(rate) == {RATE}
    wanted = np.stack(read)[:, :found.shape[1]]
    peak = np.abs(wanted).max(axis=1, keepdims=True)
    assert (np.abs(found - wanted) <= peak / 2**15).all()
    if suffix == '.flac':
        np.testing.assert_array_equal(found, sounds_of(FIRST))


def test_another_rate_is_resampled_and_told(root):
    pytest.importorskip('soxr', reason='needs the extra sound')
    for k, sound in enumerate(sounds_of(FIRST)):
        path = root / audio_path(FIRST, k, '.wav')
        soundfile.write(path, np.repeat(sound, 2), 2 * RATE)
    report = run(root)
    assert report.totals['frames of sound at 16000 Hz'] == 1
    assert report.totals['frames of sound at 8000 Hz'] == 5
    found = read_sound_array(root / sound_path(FIRST))
    assert found.values.shape == (8, 800) and found.sample_rate == RATE


def test_one_microphone_of_another_rate_is_told(root):
    pytest.importorskip('soxr', reason='needs the extra sound')
    soundfile.write(wav(root), np.repeat(ONE, 2), 2 * RATE)
    report = run(root)
    assert report.totals['frames of sound at 16000 Hz'] == 1
    assert report.totals['frames of sound at 8000 Hz'] == 6


@pytest.mark.parametrize('subtype, error', [('PCM_24', 0), ('PCM_32', 0),
                                            ('FLOAT', 0), ('DOUBLE', 0),
                                            ('PCM_U8', 2**-7)])
def test_a_wav_of_other_bits(root, subtype, error):
    rewrite(root, ONE, subtype=subtype)
    run(root)
    found = read_sound_array(root / sound_path(FIRST)).values[3]
    assert np.abs(found - ONE).max() <= error


@pytest.mark.parametrize('wrong, message', [
    (dict(sample_rate=0),
     'sample_rate=0, expected a whole number of 1 or more'),
    (dict(sample_rate=8000.), 'sample_rate=8000.0, expected a whole number'),
    (dict(seconds=np.nan), 'seconds=nan, expected a number above 0'),
    (dict(seconds=np.inf), 'seconds=inf, expected a number above 0'),
    (dict(seconds=1e-9), 'are 0 samples, expected 1 or more for a waveform'),
    (dict(offset=-1), 'offset=-1, expected a number of 0 or more'),
    (dict(seconds=.05, store='spectrogram'),
     'are 400 samples, expected 513 or more for a spectrogram'),
])
def test_parts_of_a_recording_that_cannot_be(wrong, message):
    with pytest.raises(ConfigError, match=message):
        replace(SOUND, **wrong)


def test_a_part_of_each_recording(drives, tmp_path):
    run(drives, tmp_path, seconds=.04, offset=.05)
    found = read_sound_array(tmp_path / sound_path(FIRST)).values
    np.testing.assert_array_equal(found, sounds_of(FIRST)[:, 400:720])


def half_mp3(root):
    """Without the header that gives its length, as many encoders write."""
    rng = np.random.default_rng(0)
    for k in range(8):
        wav(root, k).unlink()
        path = root / audio_path(FIRST, k, '.mp3')
        soundfile.write(path, rng.normal(0, .1, RATE), RATE)
    content = path.read_bytes()
    at = max(content.find(b'Xing'), content.find(b'Info'))
    if at >= 0:
        content = content[:at] + b'none' + content[at + 4:]
    path.write_bytes(content[:len(content) // 2])


def stereo_mp3(root):
    wav(root).unlink()
    soundfile.write(root / audio_path(FIRST, 3, '.mp3'), np.stack([ONE, ONE],
                                                                  1), RATE)


BAD_SOUNDS = {
    'missing': (lambda root: wav(root).unlink(), 'there is no such file'),
    'empty': (lambda root: wav(root).write_bytes(b''), 'the file is empty'),
    'half': (lambda root: cut(wav(root)), 'is cut off'),
    'no sound': (lambda root: wav(root).write_bytes(b'x' * 999),
                 'cannot be decoded'),
    'stereo': (lambda root: rewrite(root, np.stack([ONE, ONE], 1)),
               '2 channels'),
    'mp3 in stereo': (stereo_mp3, '2 channels'),
    'silent': (lambda root: rewrite(root, ONE * 0), 'microphone 3 is silent'),
    'twice the same': (lambda root: shutil.copy(wav(root, 1), wav(root)),
                       'hears exactly what microphone 1 does'),
    'NaN': (lambda root: rewrite(root, ONE * np.nan, subtype='FLOAT'),
            'not finite'),
    'too short': (lambda root: rewrite(root, ONE[:-1]),
                  r'lasts 0.100 s \(799 samples\), expected 0.1 s '
                  r'\(800 samples\)'),
    'too long': (lambda root: rewrite(root, np.tile(ONE, 3)), 'lasts 0.300 s'),
    'of unequal length': (
        lambda root: rewrite(root, np.concatenate([ONE, ONE[:9]])),
        '809 samples .*audio_0.* has 800'),
    'integers as floats': (
        lambda root: rewrite(root, ONE * 32768, subtype='FLOAT'),
        'values up to .*where full scale is 1: were integers'),
    'named otherwise': (
        lambda root: wav(root).rename(wav(root).with_suffix('.WAV')),
        'no such file, nor one in .wav or .flac'),
    'half a rate': (lambda root: rewrite(root, ONE, rate=2 * RATE),
                    'lasts 0.050 s'),
}  # yapf: disable


@pytest.mark.parametrize('name', BAD_SOUNDS)
def test_a_bad_recording(root, name):
    damage, reason = BAD_SOUNDS[name]
    damage(root)
    file, found = bad_of(root)
    assert re.search(reason, found), found
    # Of unequal clips, the second is named.
    assert file in (audio_path(FIRST, 3, '.wav'), audio_path(FIRST, 3, '.mp3'))


def test_half_an_mp3_without_a_length_in_its_header(root):
    """The decoder gives half of the second, and does not complain."""
    half_mp3(root)
    whole = run(root, splits=('val', 'test'))
    assert not whole.bad
    shutil.rmtree(root / mavd.PROGRESS)
    for frame in (*frames_of('train')[1:], ):
        for k in range(8):
            wav_k = root / audio_path(frame, k, '.wav')
            soundfile.write(wav_k,
                            np.random.default_rng(k).normal(0, .1, RATE), RATE)
    with pytest.raises(BadFilesError) as caught:
        run(root, splits=('train', ), seconds=1.)
    (bad, ) = caught.value.report.bad
    assert bad['file'] == audio_path(FIRST, 7, '.mp3')
    assert 'lasts 0.' in bad['reason'] and 'expected 1 s' in bad['reason']


def test_a_silent_microphone_may_be_kept(root):
    rewrite(root, ONE * 0)
    assert not run(root, silent='keep').bad
    found = read_sound_array(root / sound_path(FIRST)).values
    assert not found[3].any() and found[2].any()


def test_a_ninth_microphone_and_only_seven(root):
    write_sound(root / audio_path(FIRST, 8, '.wav'), ONE)
    assert bad_of(root) == (audio_path(FIRST, 8, '.wav'),
                            'is of a microphone more than 8')
    (root / audio_path(FIRST, 8, '.wav')).unlink()
    wav(root, 7).unlink()
    assert bad_of(root)[0] == audio_path(FIRST, 7, '.mp3')


def test_clipped_sound_is_counted(root):
    loud = ONE.copy()
    loud[100:110] = 32767 / 32768
    rewrite(root, loud)
    report = run(root)
    assert report.totals['clipped samples'] == 8  # with two neighbours
    assert report.totals['frames with clipped sound'] == 1
    assert read_sound_array(root / sound_path(FIRST)).clipped == 8


PICKLE = spectrogram_of(ONE)


BAD_PICKLES = {
    'malicious': (lambda m: touch(m), 'nothing in it was executed'),
    'of objects': (lambda m: np.array([touch(m)], object), 'expected numbers'),
    'of integers': (lambda m: PICKLE.astype(int), 'of floats'),
    'of power': (lambda m: 10**(PICKLE / 10), 'expected decibels'),
    'NaN': (lambda m: PICKLE * np.nan, 'not finite'),
    'of another length': (lambda m: PICKLE[:, 1:], 'has the shape'),
    'of one dimension': (lambda m: PICKLE[0], r'of the shape \(7'),
    'silent': (lambda m: PICKLE * 0, 'microphone 3 is silent'),
    'twice the same': (lambda m: spectrogram_of(sounds_of(FIRST)[1]),
                       'hears exactly what microphone 1 does'),
}  # yapf: disable


@pytest.fixture(scope='module')
def pickled(tmp_path_factory):
    return write_tree(tmp_path_factory.mktemp('pickled'), '.pkl')


@pytest.mark.parametrize('name', BAD_PICKLES)
def test_a_bad_pickle(pickled, tmp_path, name):
    root = shutil.copytree(pickled, tmp_path / 'drives')
    content, reason = BAD_PICKLES[name]
    marker = tmp_path / 'executed'
    path = root / audio_path(FIRST, 3, '.pkl')
    path.write_bytes(pickle.dumps(content(str(marker)), 4))
    file, found = bad_of(root)
    assert file == audio_path(FIRST, 3, '.pkl')
    assert re.search(reason, found), found
    assert not marker.exists()


BAD_PICTURES = {
    'no colours': (lambda root: picture(root, 'rgb').unlink(),
                   'there is no such file', 'rgb', '.jpg'),
    'empty': (lambda root: picture(root, 'thermal').write_bytes(b''),
              'the file is empty', 'thermal', '.png'),
    'no picture': (lambda root: picture(root, 'depth').write_bytes(b'x' * 99),
                   'is not a picture', 'depth', '.png'),
    'of another size': (
        lambda root: write_picture(root, 'thermal', (24, 61), np.uint16),
        'has 61x24 pixels, but the colour picture has 60x24', 'thermal',
        '.png'),
}  # yapf: disable


@pytest.mark.parametrize('name', BAD_PICTURES)
def test_a_bad_picture(root, name):
    damage, reason, camera, suffix = BAD_PICTURES[name]
    damage(root)
    file, found = bad_of(root)
    assert file == picture_path(camera, FIRST, suffix)
    assert reason in found


def test_half_a_picture_is_found_where_pictures_are_decoded(root):
    cut(picture(root, 'depth'))
    assert not run(root).bad
    (root / 'annotations/train.json').unlink()
    (root / sound_path(FIRST)).unlink()
    file, reason = bad_of(root, decode=True)
    assert file == picture_path('depth', FIRST, '.png')
    assert 'cannot be decoded' in reason
