"""The files of synthetic drives."""
import json
import os
import signal
import wave
from dataclasses import replace

import numpy as np
import pytest

from mmxkd.errors import ConfigError
from mmxkd.formats.mavd.layout import (
    CAMERAS,
    audio_path,
    picture_path,
    read_split,
)
from mmxkd.io.images import read_image
from mmxkd.synthetic import DriveSettings, write_drives
from mmxkd.synthetic.claim import claim_folder
from mmxkd.synthetic.drives.rig import microphone_places
from mmxkd.synthetic.drives.sampler import sample_drive
from mmxkd.synthetic.drives.sound import record_drive
from tests.helpers.forked import run_forked


def tree(root):
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob('*')) if path.is_file()
    }


def test_every_file_of_every_frame_is_there(written_drives):
    root, _, splits = written_drives
    expected = {'synthetic.json', 'rig.json', 'truth.json', *splits}
    for split in ('train', 'val', 'test'):
        frames = read_split(root / f'{split}_all.txt')
        assert [f.lighting for f in frames] == ['day'] * 2 + ['night'] * 2
        assert frames == sorted(frames, key=lambda f: f.time)
        # The published loader takes none of them for a short stamp.
        assert not any(f.is_short for f in frames)
        for frame in frames:
            expected |= {
                picture_path(c, frame, '.png' if c == 'thermal' else '.jpg')
                for c in CAMERAS
            }
            expected |= {audio_path(frame, k, '.wav') for k in range(8)}
            expected.add(f'truth/{frame.drive}.json')
    assert set(tree(root)) == expected


def test_pictures_have_their_kind_and_one_size(written_drives):
    root, _, _ = written_drives
    frame = read_split(root / 'val_all.txt')[0]
    rgb, thermal, depth = (read_image(
        root / picture_path(c, frame, '.png' if c == 'thermal' else '.jpg'), c)
                           for c in CAMERAS)
    assert rgb.shape == depth.shape == (64, 160, 3)
    assert thermal.shape == (64, 160) and thermal.dtype == np.uint16
    # Within the window of MM-DistillNet, which would blacken the rest.
    assert 21700 < thermal.min() and thermal.max() < 25000


def test_splits_by_light_are_parts_of_each_split(written_drives):
    root, _, splits = written_drives
    for split in ('train', 'val', 'test'):
        day, night = (splits[f'{split}_{light}_all.txt']
                      for light in ('day', 'night'))
        assert day + night == splits[f'{split}_all.txt']
        assert day and all('_day_' in i for i in day)
        assert night and all('_night_' in i for i in night)
        assert [str(f)
                for f in read_split(root / f'{split}_night_all.txt')] == night
    everything = sum(
        (splits[f'{s}_all.txt'] for s in ('train', 'val', 'test')), [])
    assert len(set(everything)) == 12


def test_sounds_of_frames_are_windows_of_one_recording(written_drives):
    root, settings, _ = written_drives
    whole = record_drive(sample_drive(settings, 3), settings)
    frames = read_split(root / 'val_night_all.txt')
    for number, frame in enumerate(frames):
        for k in range(8):
            path = root / audio_path(frame, k, '.wav')
            with wave.open(str(path)) as file:
                assert file.getparams()[:4] == (1, 2, 8000, 2000)
                clip = np.frombuffer(file.readframes(2000), '<i2')
            # 0.2 s apart, 0.25 s long.
            start = 1600 * number
            np.testing.assert_array_equal(clip, whole[k, start:start + 2000])


def test_truth_is_coco_with_ids(written_drives):
    root, _, splits = written_drives
    truth = json.loads((root / 'truth.json').read_text())
    assert [v['name'] for v in truth['videos']] == [
        path.stem for path in sorted((
            root / 'truth').iterdir(), key=lambda p: p.stem.split('_', 2)[2])
    ]
    frames = [image['frame_id'] for image in truth['images']]
    assert frames == [
        i for s in ('train', 'val', 'test') for i in splits[f'{s}_all.txt']
    ]
    assert [image['frame'] for image in truth['images']] == [0, 1] * 6
    for image in truth['images']:
        shape = read_image(root / image['file_name'], 'rgb').shape
        assert (image['height'], image['width']) == shape[:2]
    videos = {image['id']: image['video_id'] for image in truth['images']}
    boxes = 0
    for drive in truth['videos']:
        told = json.loads((root / f'truth/{drive["name"]}.json').read_text())
        boxes += sum(len(f['vehicles']) for f in told['frames'])
    assert len(truth['annotations']) == boxes > 6
    for found in truth['annotations']:
        x, y, w, h = found['bbox']
        assert 0 <= x and x + w <= 160.01 and 0 <= y and y + h <= 64.01
        assert found['instance_id'] // 1000 == videos[found['image_id']]
        assert min(w, h) >= 3 and found['category_id'] == 1


def test_the_rig_is_told(written_drives):
    root, settings, _ = written_drives
    rig = json.loads((root / 'rig.json').read_text())
    places = np.array(rig['microphones'])
    np.testing.assert_allclose(places, microphone_places(), atol=1e-6)
    assert (rig['sample_rate'], rig['duration']) == (8000, .25)
    # In the mirror, left and right change and nothing else does.
    np.testing.assert_allclose(places[rig['microphone_permutation']],
                               places * [-1, 1, 1], atol=1e-6)


def test_workers_do_not_change_a_byte(written_drives, tmp_path):
    root, settings, _ = written_drives
    write_drives(tmp_path, settings, num_workers=2)
    assert tree(tmp_path) == tree(root)


@pytest.mark.parametrize('moment', [1, 55, 141])
def test_killed_and_resumed_is_byte_identical(written_drives, tmp_path,
                                              moment):
    """Of 150 files, by SIGKILL. If odd, the bytes are written, but have no
    name yet: in the rig, in a drive, in the splits."""
    root, settings, _ = written_drives
    folder = tmp_path / 'set'

    def killed():
        replace_file, count = os.replace, 0

        def counting(source, target):
            nonlocal count
            if count == moment and moment % 2:
                os.kill(os.getpid(), signal.SIGKILL)
            replace_file(source, target)
            if count == moment:
                os.kill(os.getpid(), signal.SIGKILL)
            count += 1

        os.replace = counting
        write_drives(folder, settings)

    done = run_forked(killed, tmp_path / 'log')
    assert done.code == -signal.SIGKILL, done.output
    left = tree(folder)
    assert len(tree(root)) == 150 and len(left) == moment + 1
    partial = [name for name in left if name.endswith('.partial')]
    assert len(partial) == moment % 2
    write_drives(folder, settings)
    assert tree(folder) == tree(root)


def test_a_whole_drive_is_kept_and_a_torn_one_drawn_again(
        written_drives, tmp_path):
    root, settings, _ = written_drives
    write_drives(tmp_path, settings)
    frames = [
        read_split(tmp_path / f'{s}_all.txt')[0] for s in ('val', 'test')
    ]
    kept, lost = (tmp_path / audio_path(frame, 5, '.wav') for frame in frames)
    before = kept.stat().st_mtime_ns
    lost.unlink()
    write_drives(tmp_path, settings)
    assert tree(tmp_path) == tree(root)
    assert kept.stat().st_mtime_ns == before


def test_another_seed_is_another_drive(written_drives, tmp_path):
    root, settings, _ = written_drives
    with pytest.raises(ConfigError, match='other settings'):
        write_drives(root, replace(settings, seed=6))
    one, other = (record_drive(sample_drive(replace(settings, seed=seed), 0),
                               settings) for seed in (5, 6))
    assert abs(np.corrcoef(one[0], other[0])[0, 1]) < .5


def test_real_data_is_never_overwritten(tmp_path):
    """Its split files and true boxes have the same names."""
    settings = DriveSettings(2, 2, 2, frames=1, scale=.125)
    path = tmp_path / 'train_all.txt'
    path.write_text('drive_day_1/1_100000000_0\n')
    with pytest.raises(
            ConfigError, match="not synthetic, such as 'train_all.t"
            "xt', and no synthetic.json; choose a new folder"):
        write_drives(tmp_path, settings)
    assert [p.name for p in tmp_path.iterdir()] == ['train_all.txt']
    assert path.read_text() == 'drive_day_1/1_100000000_0\n'
    # A hidden file, and what a killed run left of its claim, are no data.
    path.unlink()
    (tmp_path / '.gitkeep').touch()
    (tmp_path / 'synthetic.json.17.partial').touch()
    claim_folder(tmp_path, settings)
    claim_folder(tmp_path, settings)


@pytest.mark.parametrize(
    'options, message',
    [(dict(train=3), 'train must be an even number of drives'),
     (dict(test=0), 'test must be an even number of drives, 2 or more'),
     (dict(frames=0), 'frames must be 1 or more'),
     (dict(seed=-1), 'seed must be 0 or more: -1'),
     (dict(scale=2), r'scale must be 0\.125\.\.1: 2'),
     (dict(sample_rate=4000), r'sample_rate must be 8000\.\.96000'),
     (dict(interval=0), r'interval must be 0\.01'),
     (dict(duration=60), r'duration must be 0\.1\.\.10'),
     (dict(lamps=1.5), r'lamps must be 0\.\.1')])
def test_bad_settings_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        DriveSettings(**{**dict(train=2, val=2, test=2), **options})
