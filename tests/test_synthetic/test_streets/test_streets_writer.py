import json
from pathlib import Path

import numpy as np
import pytest

from mmxkd.errors import ConfigError
from mmxkd.formats.kitti import read_calibration, read_labels, read_scan
from mmxkd.io.images import read_image
from mmxkd.synthetic import (
    KittiSettings,
    SyntheticSettings,
    kitti_calibration,
    write_dataset,
    write_kitti_dataset,
)

SETTINGS = KittiSettings(train=3, val=2, test=1, seed=5, scale=.25,
                         azimuth_step=.5)


def _tree(root):
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(Path(root).rglob('*')) if path.is_file()
    }


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp('kitti')
    return root, write_kitti_dataset(root, SETTINGS)


def test_official_folders(written):
    root, splits = written
    training = {
        f'training/{kind}/{index:06d}{suffix}'
        for kind, suffix in (('image_2', '.png'), ('calib', '.txt'),
                             ('velodyne', '.bin'), ('label_2', '.txt'))
        for index in range(5)
    }
    testing = {
        f'testing/{name}'
        for name in ('image_2/000000.png', 'calib/000000.txt',
                     'velodyne/000000.bin')
    }
    lists = {f'ImageSets/{split}.txt' for split in splits}
    assert set(_tree(root)) == training | testing | lists | {'synthetic.json'}
    assert {split: len(ids) for split, ids in splits.items()
            } == {'train': 3, 'val': 2, 'trainval': 5, 'test': 1}
    assert (root / 'ImageSets/val.txt').read_text() == '000003\n000004\n'


def test_files_hold_what_they_should(written):
    root, _ = written
    for name in ('000000', '000004'):
        folder = root / 'training'
        image = read_image(folder / f'image_2/{name}.png', 'image')
        assert image.shape == (94, 310, 3) and image.std() > 10
        points = read_scan(folder / f'velodyne/{name}.bin')
        assert 5000 < len(points) < 64 * 181
        assert 0 <= points[:, 3].min() < points[:, 3].max() < 1
        calibration = read_calibration(folder / f'calib/{name}.txt')
        assert np.array_equal(calibration.P2, kitti_calibration(.25).P2)
    lines = (root / 'training/calib/000000.txt').read_text().splitlines()
    assert [line.split(':')[0] for line in lines] == [
        'P0', 'P1', 'P2', 'P3', 'R0_rect', 'Tr_velo_to_cam', 'Tr_imu_to_velo'
    ]
    labels = read_labels(root / 'training/label_2')
    assert len(labels) > 20 and labels.frame_ids[-1] == '000004'
    assert not np.array_equal(
        read_scan(root / 'training/velodyne/000000.bin')[:50],
        read_scan(root / 'testing/velodyne/000000.bin')[:50])


def test_workers_do_not_change_a_byte(written, tmp_path):
    root, _ = written
    write_kitti_dataset(tmp_path, SETTINGS, num_workers=2)
    assert _tree(tmp_path) == _tree(root)


def test_missing_frames_are_drawn_again(written):
    root, _ = written
    before = _tree(root)
    kept = root / 'training/image_2/000001.png'
    time = kept.stat().st_mtime_ns
    (root / 'training/label_2/000000.txt').unlink()
    (root / 'training/velodyne/000002.bin.1.partial').write_bytes(b'half')
    write_kitti_dataset(root, SETTINGS)
    assert _tree(root) == before
    assert kept.stat().st_mtime_ns == time


def test_other_settings_do_not_mix(written, tmp_path):
    root, _ = written
    assert json.loads((root / 'synthetic.json').read_text())['seed'] == 5
    with pytest.raises(ConfigError, match='other settings'):
        write_kitti_dataset(root, KittiSettings(train=3, val=2))
    write_dataset(tmp_path, SyntheticSettings(frames=1, scale=.125))
    with pytest.raises(ConfigError, match='other settings'):
        write_kitti_dataset(tmp_path, SETTINGS)


@pytest.mark.parametrize('options, message',
                         [(dict(train=0), 'train must be 1 or more'),
                          (dict(val=-1), 'val must be 1 or more'),
                          (dict(test=-1), 'test must be 0 or more'),
                          (dict(seed=-1), 'seed must be 0 or more'),
                          (dict(scale=2.0), r'scale must be 0\.1\.\.1'),
                          (dict(azimuth_step=0), 'azimuth_step must be'),
                          (dict(weather_mix=dict(fog=1.0)), "'light_fog'"),
                          (dict(night_share=1.5), r'must be 0\.\.1'),
                          (dict(night_share=float('nan')), r'must be 0\.\.1')])
def test_bad_settings_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        KittiSettings(**{'train': 1, 'val': 1, **options})


def test_night_and_fog(tmp_path):
    """The camera feels them, the LiDAR does not."""
    folders = {}
    for name, options in dict(
            day={}, night=dict(night_share=1.0),
            fog=dict(weather_mix=dict(dense_fog=1.0))).items():
        folders[name] = tmp_path / name
        write_kitti_dataset(
            folders[name],
            KittiSettings(train=2, val=1, seed=5, scale=.25, azimuth_step=.5,
                          **options))

    def pictures(name):
        return np.stack([
            read_image(folders[name] / f'training/image_2/00000{i}.png',
                       'image') for i in range(3)
        ]).astype(float)

    assert pictures('night').mean() < .75 * pictures('day').mean()
    assert pictures('fog').std() < .75 * pictures('day').std()
    for name in folders:
        scan = read_scan(folders[name] / 'training/velodyne/000000.bin')
        assert len(scan) > 1000
        ranges = np.linalg.norm(scan[:, :3], axis=1)
        # A visible contrast of 5 % ends at 46..86 m in this fog.
        assert ranges.max() > 60
    # A folder of a clear day says nothing of weather, as before there was any.
    stored = json.loads((folders['day'] / 'synthetic.json').read_text())
    assert 'weather_mix' not in stored
    with pytest.raises(ConfigError, match='other settings'):
        write_kitti_dataset(
            folders['night'],
            KittiSettings(train=2, val=1, seed=5, scale=.25, azimuth_step=.5))
