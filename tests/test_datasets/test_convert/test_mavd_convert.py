"""The converter of MAVD: what it writes, refuses, and goes on with."""
import json
import os
import pickle
import random
import re
import shutil
import signal
import threading
import time
from dataclasses import replace

import cv2
import numpy as np
import pytest
import soundfile
import torch
from tqdm import tqdm

from mmxkd.datasets.convert import mavd, mavd_frame
from mmxkd.datasets.convert.mavd import MavdSettings, convert
from mmxkd.datasets.convert.mavd_frame import SoundSettings
from mmxkd.datasets.convert.mavd_report import (
    NO_LIGHTING,
    SHORT,
    BadFilesError,
    check_splits_apart,
)
from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.mavd.layout import (
    FrameId,
    audio_path,
    picture_path,
    read_split,
    sound_path,
)
from mmxkd.formats.mavd.sound_array import read_sound_array
from mmxkd.io import atomic
from mmxkd.models.layers import LogMel
from tests.helpers.forked import run_forked
from tests.helpers.mavd_tree import (
    DAY,
    NIGHT,
    RATE,
    SECONDS,
    SPLITS,
    frames_of,
    sounds_of,
    spectrogram_of,
    write_sound,
    write_tree,
)
from tests.helpers.payloads import touch

SOUND = SoundSettings(source='auto', sample_rate=RATE, seconds=SECONDS)
FIRST = frames_of('train')[0]


@pytest.fixture(scope='module')
def drives(tmp_path_factory):
    return write_tree(tmp_path_factory.mktemp('drives'))


@pytest.fixture
def root(drives, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(drives, tmp_path / 'drives')


def run(root, out=None, workers=0, splits=SPLITS, truth=None, columns='all',
        decode=False, leave_out_bad=False, **sound):
    frames = {split: read_split(root / f'{split}_all.txt') for split in splits}
    settings = MavdSettings(replace(SOUND, **sound), columns, decode,
                            leave_out_bad)
    return convert(root, frames, settings, out, truth, num_workers=workers)


def index_of(out, name='train'):
    return json.loads((out / f'annotations/{name}.json').read_text())


def tree(out):
    """All bytes but those that remember the progress."""
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob('*'))
        if path.is_file() and mavd.PROGRESS not in path.parts
    }


def bad_of(root, **kwargs):
    """The one bad file that a conversion finds, and why it is bad."""
    with pytest.raises(BadFilesError) as caught:
        run(root, **kwargs)
    (bad, ) = caught.value.report.bad
    assert bad['file'] in str(caught.value)
    report = json.loads((root / mavd.REPORT).read_text())
    assert report['bad'] == [bad]
    assert not (root / 'annotations/train.json').exists()
    frame = FrameId(*bad['frame'].split('/'))
    assert not (root / sound_path(frame)).exists()
    return bad['file'], bad['reason']


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


def test_the_index(drives, tmp_path):
    run(drives, tmp_path)
    index = index_of(tmp_path)
    assert 'annotations' not in index
    assert index['categories'] == [dict(id=1, name='car')]
    assert [image['id'] for image in index['images']] == [1, 2, 3]
    assert index['images'][0] == dict(
        id=1, file_name=picture_path('rgb', FIRST, '.png'), width=60,
        height=24, frame_id=str(FIRST), drive=DAY, lighting='day',
        time=1587478000100000000, columns=[0, 60], picture_width=60,
        sound_file=sound_path(FIRST), thermal_bits=16,
        thermal_file=picture_path('thermal', FIRST, '.png'),
        depth_file=picture_path('depth', FIRST, '.png'))
    assert {i['lighting']
            for i in index_of(tmp_path, 'val')['images']} == {'night'}


def test_workers_do_not_change_a_byte(drives, tmp_path):
    run(drives, tmp_path / 'one')
    run(drives, tmp_path / 'two', workers=2)
    assert tree(tmp_path / 'one') == tree(tmp_path / 'two')


def test_true_boxes_are_cut_to_the_frame_and_never_in_train(drives, tmp_path):
    report = run(drives, tmp_path, truth=drives / 'truth.json',
                 columns=(20, 40))
    images = index_of(tmp_path, 'val_truth')['images']
    assert images == index_of(tmp_path, 'val')['images']
    assert (images[0]['width'], images[0]['columns']) == (20, [20, 40])
    # x 10..30 of the picture is -10..10 of the frame.
    boxes = index_of(tmp_path, 'val_truth')['annotations']
    assert [box['bbox'] for box in boxes] == [[0, 4, 10, 10]] * 2
    assert [box['area'] for box in boxes] == [100, 100]
    assert {box['instance_id'] for box in boxes} == {7}
    assert not (tmp_path / 'annotations/train_truth.json').exists()
    assert 'true boxes outside of the frame' not in report.totals
    report = run(drives, tmp_path, truth=drives / 'truth.json',
                 columns=(30, 60))
    assert report.totals['true boxes outside of the frame'] == 3
    assert index_of(tmp_path, 'val_truth')['annotations'] == []


def test_truth_of_other_frames_writes_nothing(drives, tmp_path):
    truth = json.loads((drives / 'truth.json').read_text())
    truth['images'][-1]['frame_id'] = 'drive_day_1/1_2_3'
    path = tmp_path / 'truth.json'
    path.write_text(json.dumps(truth))
    with pytest.raises(ConfigError, match='has no frame .drive_day_2020'):
        run(drives, tmp_path / 'out', truth=path)
    assert not (tmp_path / 'out/annotations/train.json').exists()


@pytest.mark.parametrize('change, message', [
    (lambda truth: truth['images'][4].update(width=1920, height=1080),
     'boxes are for 1920x1080 pixels, but the colour picture has 60x24'),
    (lambda truth: truth['images'][4].update(
        frame_id=truth['images'][3]['frame_id']),
     r'images\[4\] has the frame_id .*of images\[3\]'),
    (lambda truth: truth['images'][4].update(frame_id='drive_day_1'),
     r'images\[4\]: expected DRIVE/SECONDS'),
])  # yapf: disable
def test_truth_of_other_pictures(drives, tmp_path, change, message):
    truth = json.loads((drives / 'truth.json').read_text())
    change(truth)
    path = tmp_path / 'truth.json'
    path.write_text(json.dumps(truth))
    with pytest.raises(CorruptSampleError, match=message):
        run(drives, tmp_path / 'out', truth=path)
    assert not (tmp_path / 'out/annotations/train.json').exists()


def test_a_truth_that_is_not_there_is_noticed_before_the_work(
        drives, tmp_path, monkeypatch):
    seen = converted(monkeypatch)
    with pytest.raises(CorruptSampleError, match='none.json: cannot be read'):
        run(drives, tmp_path, truth=tmp_path / 'none.json')
    assert not seen


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
    pytest.importorskip('soxr')
    for k, sound in enumerate(sounds_of(FIRST)):
        path = root / audio_path(FIRST, k, '.wav')
        soundfile.write(path, np.repeat(sound, 2), 2 * RATE)
    report = run(root)
    assert report.totals['frames of sound at 16000 Hz'] == 1
    assert report.totals['frames of sound at 8000 Hz'] == 5
    found = read_sound_array(root / sound_path(FIRST))
    assert found.values.shape == (8, 800) and found.sample_rate == RATE


def test_one_microphone_of_another_rate_is_told(root):
    pytest.importorskip('soxr')
    soundfile.write(wav(root), np.repeat(ONE, 2), 2 * RATE)
    report = run(root)
    assert report.totals['frames of sound at 16000 Hz'] == 1
    assert report.totals['frames of sound at 8000 Hz'] == 6


def test_a_journal_of_before_is_not_believed(root, monkeypatch):
    """It knew the rate of one microphone alone."""
    run(root)
    path = root / mavd.PROGRESS / 'progress.jsonl'
    path.write_text(path.read_text().replace('"rates": [8000]',
                                             '"rate": 8000'))
    seen = converted(monkeypatch)
    assert run(root).totals['frames of sound at 8000 Hz'] == 6
    assert len(seen) == 6


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


def wav(root, k=3):
    return root / audio_path(FIRST, k, '.wav')


def rewrite(root, sound, k=3, rate=RATE, **kwargs):
    soundfile.write(wav(root, k), sound, rate, **kwargs)


def cut(path):
    content = path.read_bytes()
    path.write_bytes(content[:len(content) // 2])


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


ONE = sounds_of(FIRST)[3]
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


def picture(root, camera):
    return root / picture_path(camera, FIRST, '.png')


def write_picture(root, camera, shape, dtype=np.uint8):
    rng = np.random.default_rng(0)
    high = np.iinfo(dtype).max
    assert cv2.imwrite(str(picture(root, camera)),
                       rng.integers(0, high, shape, dtype=dtype))


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


def test_frames_without_thermal_or_depth_are_kept_and_listed(root):
    second = frames_of('train')[1]
    picture(root, 'thermal').unlink()
    (root / picture_path('depth', second, '.png')).unlink()
    report = run(root)
    assert report.told == dict(
        train={
            'has no thermal picture (kept)': [str(FIRST)],
            'has no depth picture (kept)': [str(second)]
        })
    images = index_of(root)['images']
    assert (images[0]['thermal_file'], images[0]['thermal_bits']) == (None,
                                                                      None)
    assert images[1]['depth_file'] is None and images[1]['thermal_file']


def test_a_camera_is_missing_for_one_drive(root):
    shutil.rmtree(root / NIGHT / 'fl_ir_aligned')
    report = run(root)
    assert report.told == dict(
        val={'has no thermal picture (kept)': [*map(str, frames_of('val'))]})
    shutil.rmtree(root / NIGHT / 'fl_rgb')
    with pytest.raises(BadFilesError) as caught:
        run(root)
    assert [bad['file'] for bad in caught.value.report.bad
            ] == [picture_path('rgb', f) for f in frames_of('val')]


def test_a_drive_that_says_neither_day_nor_night_is_told(root):
    (root / NIGHT).rename(root / 'drive_2020')
    for path in (root / 'val_all.txt', root / 'truth.json'):
        path.write_text(path.read_text().replace(NIGHT, 'drive_2020'))
    report = run(root, truth=root / 'truth.json')
    names = [f'drive_2020/{f.stamp}' for f in frames_of('val')]
    assert report.told == dict(val={NO_LIGHTING: names})
    assert index_of(root, 'val')['images'][0]['lighting'] == 'unknown'


def test_thermal_of_8_bits_is_told(root):
    write_picture(root, 'thermal', (24, 60))
    report = run(root)
    assert report.totals['frames with thermal of 8 bits'] == 1
    assert [i['thermal_bits'] for i in index_of(root)['images']] == [8, 16, 16]


def test_absent_frames_short_stamps_and_frames_of_two_splits(root):
    path = root / 'train_all.txt'
    absent = f'{DAY}/1587478099_100000000_0'
    short = f'{DAY}/1587478098_10000000_0'
    path.write_text(f'{path.read_text()}{short}\n{absent}\n')
    with pytest.raises(BadFilesError) as caught:
        run(root)
    bad = caught.value.report.bad
    assert {b['frame'] for b in bad} == {absent}
    assert len(bad) == 9 and {b['reason'] for b in bad} == {
        'there is no such file, nor one in .wav or .flac',
        'there is no such file, nor one in .png'
    }
    report = run(root, leave_out_bad=True)
    assert report.frames['train'] == 3 and len(report.bad) == 9
    assert report.told['train'] == {SHORT: [short]}
    splits = dict(train=frames_of('train'), val=frames_of('train')[1:2])
    (told, ) = check_splits_apart(splits)
    assert told.startswith(f'1 frames are in train and in val, the first of '
                           f'them {frames_of("train")[1]}')


def test_ten_digits_are_a_later_second(root):
    """Its files have the stamp as it is, and its place is that of its time."""
    frame = FrameId(DAY, '1587477999_2100000000_0')
    for path in [*root.rglob(f'*{FIRST.stamp}*')]:
        shutil.copy(path, str(path).replace(FIRST.stamp, frame.stamp))
    with open(root / 'train_all.txt', 'a') as file:
        file.write(f'{frame}\n')
    run(root)
    images = index_of(root)['images']
    assert [i['time'] - 1587478000100000000
            for i in images] == [0, 1000000000, 1000000001, 2000000002]
    assert images[1]['frame_id'] == str(frame)


def test_no_frame_is_left(root):
    shutil.rmtree(root / DAY)
    with pytest.raises(ConfigError, match='no frame of train is left'):
        run(root, splits=('train', ), leave_out_bad=True)
    with pytest.raises(ConfigError, match='no such folder'):
        convert(root / 'none', {}, MavdSettings(SOUND))


def test_other_settings_need_another_folder(root):
    run(root)
    with pytest.raises(ConfigError, match="store='waveform' there, "
                       "'spectrogram' now"):
        run(root, store='spectrogram')
    run(root, columns=(0, 30))  # Arrays do not depend on it.
    assert index_of(root)['images'][0]['width'] == 30


def converted(monkeypatch):
    """The frames that are converted from now on."""
    seen = []

    def convert_frame(job):
        seen.append(job.frame)
        return mavd_frame.convert_frame(job)

    monkeypatch.setattr(mavd, 'convert_frame', convert_frame)
    return seen


def test_what_is_done_is_not_done_again(root, monkeypatch):
    cut(wav(root))
    with pytest.raises(BadFilesError):
        run(root)
    whole = sounds_of(FIRST)[3]
    rewrite(root, whole)
    seen = converted(monkeypatch)
    run(root)
    assert seen == [FIRST]
    (root / sound_path(frames_of('val')[1])).unlink()
    os.utime(root / audio_path(frames_of('test')[0], 0, '.wav'), (1, 1))
    run(root)
    assert sorted(seen[1:],
                  key=str) == [frames_of('test')[0],
                               frames_of('val')[1]]


def same_after_a_kill(drives, out, wanted, arrange):
    """Run once, arranged to be killed, and once to the end."""

    def dying():
        # Its lock is shared with this process, which would wait for it.
        tqdm.set_lock(threading.RLock())
        arrange()
        run(drives, out)

    done = run_forked(dying, out / 'log.txt')
    (out / 'log.txt').unlink()
    for path in out.rglob('*.npz'):
        read_sound_array(path)  # What has its name is whole.
    run(drives, out)
    assert tree(out) == wanted
    assert not [*out.rglob('*.partial')]
    return done.code == -signal.SIGKILL


def test_killed_at_ten_moments(drives, tmp_path):
    began = time.perf_counter()
    run(drives, tmp_path / 'whole')
    seconds = time.perf_counter() - began
    wanted = tree(tmp_path / 'whole')
    draw = random.Random(0)

    def arrange(after):

        def kill():
            time.sleep(after)
            os.kill(os.getpid(), signal.SIGKILL)

        return lambda: threading.Thread(target=kill, daemon=True).start()

    killed = 0
    for k in range(10):
        out = tmp_path / str(k)
        out.mkdir()
        killed += same_after_a_kill(drives, out, wanted,
                                    arrange(draw.uniform(0, seconds)))
    assert killed >= 3


@pytest.mark.parametrize('moment', [1, 3, 8])
def test_killed_within_a_file(drives, tmp_path, moment):
    run(drives, tmp_path / 'whole')

    def arrange():
        write, count = atomic._Noting.write, [0]

        def half(self, data):
            count[0] += 1
            if count[0] == moment:
                write(self, bytes(data)[:len(data) // 2])
                self.flush()
                os.kill(os.getpid(), signal.SIGKILL)
            return write(self, data)

        atomic._Noting.write = half

    out = tmp_path / 'out'
    out.mkdir()
    assert same_after_a_kill(drives, out, tree(tmp_path / 'whole'), arrange)


@pytest.mark.parametrize('before', [True, False])
def test_killed_beside_the_journal(drives, tmp_path, before):
    """The array has its name, and the journal does not know of it, or half."""
    run(drives, tmp_path / 'whole')

    def arrange():
        add = mavd.Journal.add

        def dying(self, name, files, result):
            if name == str(frames_of('train')[1]):
                if not before:
                    with open(self.path, 'a') as file:
                        file.write('{"name": "driv')
                os.kill(os.getpid(), signal.SIGKILL)
            return add(self, name, files, result)

        mavd.Journal.add = dying

    out = tmp_path / 'out'
    out.mkdir()
    assert same_after_a_kill(drives, out, tree(tmp_path / 'whole'), arrange)
