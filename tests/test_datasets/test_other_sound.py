"""Frames that hear another drive: what a detector owes to hearing."""
import json

import numpy as np
import pytest
from mmdet.utils import register_all_modules

from mmxkd.errors import ConfigError
from mmxkd.registry import DATASETS

FRAMES = dict(drive_day_2020_01_01_12_00_00=3,
              drive_night_2020_01_02_22_00_00=2,
              drive_day_2020_01_03_12_00_00=3)


@pytest.fixture(autouse=True)
def scope():
    register_all_modules(init_default_scope=False)


def write(root, frames=FRAMES, name='truth'):
    """An index of frames, each with one box of its own."""
    images, boxes = [], []
    for drive, count in frames.items():
        for k in range(count):
            stamp, number = f'15000{len(images):02d}_10000000{k}_0', len(
                images)
            images.append(
                dict(id=number, file_name=f'{drive}/fl_rgb/{stamp}.jpg',
                     width=40, height=24, picture_width=40, columns=[0, 40],
                     frame_id=f'{drive}/{stamp}', drive=drive, time=number,
                     lighting=drive.split('_')[1],
                     thermal_file=f'{drive}/fl_ir_aligned/{stamp}.png',
                     sound_file=f'{drive}/sound/{stamp}.npz'))
            boxes.append(
                dict(id=number, image_id=number, category_id=1, iscrowd=0,
                     bbox=[number, 2, 10, 8], area=80))
    (root / 'annotations').mkdir(exist_ok=True)
    (root / f'annotations/{name}.json').write_text(
        json.dumps(
            dict(images=images, annotations=boxes,
                 categories=[dict(id=1, name='car')])))
    return root


def frames_of(root, name='truth', **options):
    dataset = DATASETS.build(
        dict(type='mmxkd.MAVDDataset', data_root=str(root),
             ann_file=f'annotations/{name}.json', pipeline=[], test_mode=True,
             **options))
    return [dataset.get_data_info(i) for i in range(len(dataset))]


def test_each_frame_hears_another_drive(tmp_path):
    own, other = (frames_of(write(tmp_path), other_sound=value)
                  for value in (False, True))
    assert len(own) == len(other) == sum(FRAMES.values())
    for one, two in zip(own, other, strict=True):
        assert one['drive'] not in two['sound_path']
        # All else is its own: boxes, pictures, name.
        assert one['drive'] in one['sound_path']
        assert {k: v for k, v in one.items() if k != 'sound_path'
                } == {k: v for k, v in two.items() if k != 'sound_path'}
    # Every sound is heard, once.
    assert sorted(info['sound_path']
                  for info in own) == sorted(info['sound_path']
                                             for info in other)
    assert len({info['sound_path'] for info in other}) == len(other)


def test_it_is_no_draw(tmp_path):
    """So that two tests hear the same, whatever was drawn before."""
    write(tmp_path)
    np.random.seed(0)
    first = frames_of(tmp_path, other_sound=True)
    np.random.seed(1)
    assert frames_of(tmp_path, other_sound=True) == first


def test_an_odd_number_of_frames(tmp_path):
    frames = dict(zip(FRAMES, (2, 1, 2), strict=True))
    for info in frames_of(write(tmp_path, frames), other_sound=True):
        assert info['drive'] not in info['sound_path']


@pytest.mark.parametrize('options', [
    dict(),
    dict(lighting='night'),
    dict(id_filter='drive_day_2020_01_03'),
])
def test_a_drive_alone_is_refused(tmp_path, options):
    """Also where a filter leaves one."""
    frames = FRAMES if options else dict(drive_day_2020_01_01_12_00_00=4)
    path = write(tmp_path, frames) / 'annotations/truth.json'
    with pytest.raises(
            ConfigError, match=f'{path}: other_sound=True: .drive_.*/15000.* '
            'has no frame of another drive.*expected two drives or more'):
        frames_of(tmp_path, other_sound=True, **options)


def test_a_drive_that_is_longer_than_all_others_is_refused(tmp_path):
    frames = dict(drive_day_2020_01_01_12_00_00=4,
                  drive_night_2020_01_02_22_00_00=2)
    with pytest.raises(ConfigError, match='none of them longer than half'):
        frames_of(write(tmp_path, frames), other_sound=True)
