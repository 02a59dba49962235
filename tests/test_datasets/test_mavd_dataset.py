"""MAVD by the converter's index: frames, files, boxes and samples."""
import json
import shutil

import numpy as np
import pytest
from mmengine.config import Config

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.mavd.layout import (
    picture_path,
    sound_path,
)
from mmxkd.models.layers import LogMel
from mmxkd.registry import DATASETS
from tests.helpers.mavd_dataset import build
from tests.helpers.mavd_tree import (
    DAY,
    NIGHT,
    RATE,
    SPLITS,
    frames_of,
    sounds_of,
)


def test_what_a_frame_says(drives):
    dataset = build(drives)
    info = dataset.get_data_info(0)
    frame = frames_of('train')[0]
    assert len(dataset) == 3 and dataset.metainfo['classes'] == ('car', )
    assert (info['frame_id'], info['drive'], info['lighting']) == (str(frame),
                                                                   DAY, 'day')
    assert info['time'] == 1587478000100000000
    assert info['columns'] == (10, 50) and info['picture_width'] == 60
    assert (info['width'], info['height']) == (40, 24)
    assert info['labelled'] is False and info['instances'] == []
    for key, name in (('img_path', picture_path('rgb', frame, '.png')),
                      ('thermal_path', picture_path('thermal', frame, '.png')),
                      ('depth_picture_path',
                       picture_path('depth',
                                    frame, '.png')), ('sound_path',
                                                      sound_path(frame))):
        assert info[key] == str(drives / name)


def test_sound_may_be_in_another_folder(drives, tmp_path):
    dataset = build(drives, data_prefix=dict(sound=str(tmp_path)))
    info = dataset.get_data_info(0)
    assert info['sound_path'] == str(tmp_path
                                     / sound_path(frames_of('train')[0]))
    assert info['img_path'].startswith(str(drives))


def test_true_boxes_are_those_of_the_cut_frame(drives):
    dataset = build(drives, 'val_truth', unlabelled=False)
    (instance, ) = dataset.get_data_info(0)['instances']
    assert instance['bbox'] == [0, 4, 20, 14]
    assert 'labelled' not in dataset.get_data_info(0)


def test_an_index_is_not_a_list_of_empty_frames(drives):
    with pytest.raises(CorruptSampleError, match="no list 'annotations'"):
        build(drives, unlabelled=False)


def mixed(root):
    """An index of all splits."""
    images = [
        image for split in SPLITS for image in json.loads((
            root / f'annotations/{split}.json').read_text())['images']
    ]
    for number, image in enumerate(images):
        image['id'] = number
    (root / 'annotations/all.json').write_text(
        json.dumps(dict(images=images, categories=[dict(id=1, name='car')])))
    return 'all'


@pytest.mark.parametrize(
    'options, number',
    [({}, 6), (dict(lighting='day'), 4), (dict(lighting='night'), 2),
     (dict(id_filter=NIGHT), 2), (dict(id_filter='night'), 0),
     (dict(id_filter='.*_10000000[01]_0'), 5),
     (dict(id_filter='.*_100000001_0', lighting='night'), 1),
     (dict(id_filter=NIGHT, lighting='day'), 0)])
def test_filters(root, options, number):
    """As published, an id matches at its beginning."""
    split = mixed(root)
    if not number:
        with pytest.raises(ConfigError, match='none of 6 frames is left'):
            build(root, split, **options)
        return
    dataset = build(root, split, **options)
    assert len(dataset) == number
    if 'lighting' in options:
        assert {dataset.get_data_info(i)['lighting']
                for i in range(number)} == {options['lighting']}


@pytest.mark.parametrize('options, message', [
    (dict(lighting='dusk'), "lighting='dusk', expected one of"),
    (dict(id_filter='('), 'id_filter='),
    (dict(cameras=('rgb', 'termal')), "did you mean 'thermal'"),
    (dict(cameras='rgb'), "cameras='rgb', expected names such as"),
    (dict(cameras=5), 'cameras=5, expected names such as'),
    (dict(id_filter=5), 'id_filter=5: '),
    (dict(data_prefix=dict(sounds='/x')),
     "data_prefix.sounds is unknown; did you mean 'sound'"),
    (dict(metainfo=dict(classes=('vehicle', ))),
     r"expected the categories \('vehicle',\), found \['car'\]"),
])
def test_wrong_words(drives, options, message):
    with pytest.raises(ConfigError, match=message):
        build(drives, **options)


@pytest.mark.parametrize('change, message', [
    (lambda image: image.pop('sound_file'), "has no 'sound_file'"),
    (lambda image: image.pop('columns'), "has no 'columns'"),
    (lambda image: image.update(sound_file='../../x.npz'),
     'sound_file: .*leads out of the folder'),
    (lambda image: image.update(thermal_file='/etc/passwd'),
     'thermal_file: .*is not below'),
    (lambda image: image.update(frame_id=5), 'frame_id is 5, expected DRIVE'),
    (lambda image: image.update(frame_id='x'), 'frame_id: expected DRIVE/'),
    (lambda image: image.update(drive='other'),
     f"drive is 'other', expected '{DAY}', as in frame_id"),
    (lambda image: image.update(lighting=None), 'lighting is None, expected'),
    (lambda image: image.update(time='5'), "time is '5', expected a whole"),
    (lambda image: image.update(picture_width='60'),
     "picture_width is '60', expected a whole number"),
    (lambda image: image.update(columns='0,60'), "columns is '0,60', exp"),
    (lambda image: image.update(columns=[0]), r'columns is \[0\], expected'),
    (lambda image: image.update(columns=[40, 0]), r'columns is \[40, 0\]'),
    (lambda image: image.update(columns=[0, 61]), '61.*behind the last, of 6'),
    (lambda image: image.update(width=61), r'width is 61, .*the columns \[10'),
])
def test_an_index_that_something_else_wrote(root, change, message):
    path = root / 'annotations/train.json'
    content = json.loads(path.read_text())
    change(content['images'][1])
    path.write_text(json.dumps(content))
    with pytest.raises(CorruptSampleError, match=message):
        build(root)


def test_teachers_who_wrote_the_boxes_are_carried_on(root, pipelines):
    path = root / 'annotations/val_truth.json'
    content = json.loads(path.read_text())
    options = dict(unlabelled=False, pipeline=pipelines.test_pipeline)
    plain = build(root, 'val_truth', **options)[0]['data_samples']
    assert 'boxes_written_by' not in plain
    for box in content['annotations']:
        box['score'] = .5
    content['info'] = dict(
        teacher=dict(name='rgb', fused_with=[dict(name='depth')]))
    path.write_text(json.dumps(content))
    sample = build(root, 'val_truth', **options)[0]['data_samples']
    assert sample.boxes_written_by == ('rgb', 'depth')


def test_a_frame_that_is_listed_twice(root):
    path = root / 'annotations/train.json'
    content = json.loads(path.read_text())
    content['images'].append(dict(content['images'][0], id=9))
    path.write_text(json.dumps(content))
    with pytest.raises(ConfigError, match='is listed twice, as frames 0 and'):
        build(root)


def test_a_picture_of_another_size(root):
    frame = frames_of('train')[0]
    content = json.loads((root / 'annotations/train.json').read_text())
    content['images'][0]['picture_width'] = 61
    (root / 'annotations/train.json').write_text(json.dumps(content))
    with pytest.raises(CorruptSampleError,
                       match='60x24 pixels, but its annotations are for 61'):
        build(root)[0]
    assert build(root)[1]['frame_id'] != str(frame)


def test_the_student_hears_and_sees_nothing(root, pipelines):
    for path in root.glob('*/fl_*'):
        shutil.rmtree(path)
    cfg = pipelines.val_dataloader.dataset
    dataset = build(root, 'val_truth', unlabelled=False, test_mode=True,
                    pipeline=cfg.pipeline)
    packed = dataset[0]
    assert list(packed['inputs']) == ['spectrogram']
    exact = LogMel(RATE, n_fft=256, hop=64,
                   n_mels=20)(__import__('torch').from_numpy(
                       sounds_of(frames_of('val')[0])))
    np.testing.assert_allclose(packed['inputs']['spectrogram'], exact,
                               atol=1e-4)
    sample = packed['data_samples']
    # 40 x 24 of the frame becomes 96 x 58.
    assert (sample.ori_shape, sample.img_shape) == ((24, 40), (58, 96))
    assert sample.scale_factor == pytest.approx((2.4, 58 / 24))
    assert sample.lighting == 'night'
    # Of the original image, as mmdet's metrics expect it.
    assert sample.gt_instances.bboxes.tolist() == [[0, 4, 20, 14]]


def test_boxes_of_training_are_resized_without_a_picture(drives, pipelines):
    packed = build(drives, 'val_truth', unlabelled=False,
                   pipeline=pipelines.train_pipeline)[0]
    boxes = packed['data_samples'].gt_instances.bboxes.numpy()
    np.testing.assert_allclose(boxes, [[0, 4 * 58 / 24, 48, 14 * 58 / 24]],
                               rtol=1e-6)


def test_the_config_as_it_is_shipped(repo, drives):
    cfg = Config.fromfile(repo / 'configs/_base_/datasets/mavd.py')
    for split in ('train', 'val', 'test'):
        dataset = cfg[f'{split}_dataloader'].dataset
        dataset.data_root = str(drives)
        assert len(DATASETS.build(dataset)) == SPLITS[split][1]
