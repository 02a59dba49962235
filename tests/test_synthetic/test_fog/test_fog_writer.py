import json
from pathlib import Path

import numpy as np
import pytest

from mmxkd.errors import ConfigError
from mmxkd.formats.stf.labels import read_labels
from mmxkd.io.images import read_image
from mmxkd.synthetic import SyntheticSettings, write_dataset


def _tree(root):
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(Path(root).rglob('*')) if path.is_file()
    }


@pytest.fixture(scope='module')
def written(tmp_path_factory):
    root = tmp_path_factory.mktemp('synthetic')
    settings = SyntheticSettings(frames=12, seed=1, scale=0.125,
                                 split=(.5, .25, .25))
    return root, settings, write_dataset(root, settings)


def test_official_folders_and_sizes(written):
    root, _, _ = written
    name = '2020-01-01_00-01-00_00030'  # the twelfth frame
    rgb = read_image(root / f'cam_stereo_left_lut/{name}.png', 'RGB')
    assert rgb.shape == (128, 240, 3)
    for k in range(3):
        raw = read_image(root / f'gated{k}_raw/{name}.tiff', 'gated')
        rect8 = read_image(root / f'gated{k}_rect8/{name}.png', 'gated')
        assert raw.shape == rect8.shape == (90, 160)
        assert raw.dtype == np.uint16 and np.array_equal(raw >> 2, rect8)
    for folder in ('gated_labels_TMP', 'cam_left_labels_TMP'):
        read_labels(root / f'gt_labels/{folder}/{name}.txt')
    meta = json.loads((root / f'labeltool_labels/{name}.json').read_text())
    assert sum(meta['daytime'].values()) == sum(meta['weather'].values()) == 1
    calibration = json.loads((root / 'calib_gated_bwv.json').read_text())
    assert calibration['width'] == 160
    assert calibration['P'][0] == pytest.approx(2322.4 / 8)


def test_split_files(written):
    root, _, splits = written
    assert [len(splits[s])
            for s in ('train', 'val', 'test', 'all')] == [6, 3, 3, 12]
    lines = (root / 'splits/train.txt').read_text().split()
    assert lines[1] == '2020-01-01_00-00-00,00030'
    by_weather = [
        i for name, ids in splits.items() if name.endswith(('_day', '_night'))
        for i in ids
    ]
    assert sorted(by_weather) == sorted(splits['all'])


def test_workers_do_not_change_a_byte(written, tmp_path):
    root, settings, _ = written
    write_dataset(tmp_path, settings, num_workers=2)
    assert _tree(tmp_path) == _tree(root)


def test_missing_frames_are_drawn_again(written, tmp_path):
    _, _, _ = written
    settings = SyntheticSettings(frames=2, scale=0.125, gated='rect8')
    write_dataset(tmp_path, settings)
    before = _tree(tmp_path)
    lost, kept = sorted((tmp_path / 'cam_stereo_left_lut').iterdir())
    time = kept.stat().st_mtime_ns
    lost.unlink()
    write_dataset(tmp_path, settings)
    assert _tree(tmp_path) == before
    assert kept.stat().st_mtime_ns == time


def test_other_settings_do_not_mix(tmp_path):
    write_dataset(tmp_path, SyntheticSettings(frames=1, scale=0.125))
    with pytest.raises(ConfigError, match='other settings'):
        write_dataset(tmp_path, SyntheticSettings(frames=1, scale=0.125,
                                                  seed=1))


@pytest.mark.parametrize(
    'gated, folders',
    [('raw', {'gated0_raw', 'gated1_raw', 'gated2_raw'}),
     ('rect8', {'gated0_rect8', 'gated1_rect8', 'gated2_rect8'})])
def test_one_gated_format_alone(tmp_path, gated, folders):
    write_dataset(tmp_path,
                  SyntheticSettings(frames=1, scale=0.125, gated=gated))
    assert {p.name for p in tmp_path.glob('gated*')} == folders


@pytest.mark.parametrize('options, message',
                         [(dict(frames=0), 'frames must be 1 or more'),
                          (dict(frames=1, seed=-1), 'seed must be 0 or more'),
                          (dict(frames=1, scale=0.3), 'multiple of 1/16'),
                          (dict(frames=1, scale=2.0), r'0\.1\.\.1'),
                          (dict(frames=1, split=(.5, .5, .5)), 'sum 1'),
                          (dict(frames=1, gated='png'), 'must be one of')])
def test_bad_settings_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        SyntheticSettings(**options)
