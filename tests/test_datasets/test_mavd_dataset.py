"""MAVD by the converter's index: frames, files, boxes and samples."""
import json
import logging
import shutil

import numpy as np
import pytest
from mmdet.utils import register_all_modules
from mmengine.config import Config

from mmxkd.datasets.convert.mavd import MavdSettings, convert
from mmxkd.datasets.convert.mavd_frame import SoundSettings
from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.mavd.layout import (
    CAMERAS,
    picture_path,
    read_split,
    sound_path,
)
from mmxkd.models.layers import LogMel
from mmxkd.registry import DATASETS
from tests.helpers.mavd_tree import (
    DAY,
    NIGHT,
    RATE,
    SECONDS,
    SPLITS,
    frames_of,
    pictures_of,
    sounds_of,
    write_tree,
)

LOADERS = dict(rgb='mmxkd.LoadImageFromFile', thermal='mmxkd.LoadThermal',
               depth='mmxkd.LoadDepthPicture')


@pytest.fixture(autouse=True)
def scope():
    register_all_modules(init_default_scope=False)


def converted(root, splits=SPLITS, **kwargs):
    sound = SoundSettings('auto', sample_rate=RATE, seconds=SECONDS,
                          **kwargs.pop('sound', {}))
    settings = MavdSettings(sound, kwargs.pop('columns', (10, 50)))
    convert(root, {s: read_split(root / f'{s}_all.txt') for s in splits},
            settings, truth=root / 'truth.json', **kwargs)
    return root


@pytest.fixture(scope='module')
def drives(tmp_path_factory):
    return converted(write_tree(tmp_path_factory.mktemp('drives')))


@pytest.fixture
def root(drives, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(drives, tmp_path / 'drives')


def build(root, split='train', **kwargs):
    defaults = dict(type='mmxkd.MAVDDataset', data_root=str(root),
                    ann_file=f'annotations/{split}.json', unlabelled=True,
                    pipeline=[])
    return DATASETS.build({**defaults, **kwargs})


@pytest.fixture
def pipelines(repo, tmp_path):
    """Those of the config, for the short clips of the tests."""
    cfg = Config.fromfile(repo / 'configs/_base_/datasets/mavd.py')
    text = cfg.pretty_text.replace(
        "holds='waveform'", f"holds='waveform', sample_rate={RATE}").replace(
            "type='mmxkd.LogMelSpectrogram'",
            f"type='mmxkd.LogMelSpectrogram', sample_rate={RATE}, n_fft=256, "
            'hop=64, n_mels=20').replace('768',
                                         '96').replace('(21800,', '(21000,')
    path = tmp_path / 'short.py'
    path.write_text(text)
    return Config.fromfile(path)


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


def test_frames_without_thermal_or_depth(root, caplog):
    first, second, _ = frames_of('train')
    (root / picture_path('thermal', first, '.png')).unlink()
    (root / picture_path('depth', second, '.png')).unlink()
    converted(root)
    # Sound alone, or colours alone, needs neither.
    assert len(build(root)) == len(build(root, cameras=('rgb', ))) == 3
    with pytest.raises(
            CorruptSampleError,
            match=f'2 of 3 frames lack .*{first}, {second}; '
            'leave_out_incomplete=True'):
        build(root, cameras=('rgb', 'thermal', 'depth'))
    with caplog.at_level(logging.WARNING, 'mmengine'):
        dataset = build(root, cameras=('rgb', 'thermal', 'depth'),
                        leave_out_incomplete=True)
    assert [dataset.get_data_info(0)['frame_id']
            ] == [str(frames_of('train')[2])] and len(dataset) == 1
    assert len(build(root, cameras=('thermal', ),
                     leave_out_incomplete=True)) == 2


def test_no_frame_with_all_pictures(root):
    for frame in frames_of('train'):
        (root / picture_path('thermal', frame, '.png')).unlink()
    converted(root)
    with pytest.raises(ConfigError, match='no frame is left: 3 of 3 frames'):
        build(root, cameras=('thermal', ), leave_out_incomplete=True)


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


@pytest.mark.parametrize('camera, loader', LOADERS.items())
def test_pictures_have_to_be_cut(drives, camera, loader):
    """Behind the last loader: of any camera, also within a branch."""
    load, crop = dict(type=loader), dict(type='mmxkd.CropColumns')
    branch = dict(type='RandomApply', transforms=[load])
    for pipeline in ([load], [crop, load], [branch]):
        with pytest.raises(
                ConfigError, match=r'columns \(10, 50\).*CropColumns behind '
                + loader.partition('.')[2]):
            build(drives, pipeline=pipeline, cameras=(camera, ))
    build(drives, pipeline=[load, crop], cameras=(camera, ))


@pytest.mark.parametrize('camera, loader', LOADERS.items())
def test_a_camera_that_the_config_does_not_name(drives, camera, loader):
    """Frames without its picture stay in the list, and end an epoch."""
    named = tuple(c for c in LOADERS if c != camera)
    pipeline = [dict(type=loader), dict(type='mmxkd.CropColumns')]
    kind = loader.partition('.')[2]
    for steps in (pipeline, [dict(type='RandomApply', transforms=pipeline)]):
        with pytest.raises(
                ConfigError, match=f'has {kind}, .* without {camera} .*'
                f"expected cameras=.*, '{camera}'"):
            build(drives, pipeline=steps, cameras=named)
    # Who labels looks for missing pictures by itself.
    assert len(build(drives, pipeline=pipeline, cameras=None)) == 3


def test_mmdets_loader_is_one_of_colours(drives):
    with pytest.raises(ConfigError, match='without rgb would'):
        build(drives, pipeline=[dict(type='mmdet.LoadImageFromFile')])


@pytest.mark.parametrize('camera, name', [('rgb', 'img'),
                                          ('thermal', 'thermal'),
                                          ('depth', 'depth_picture')])
def test_a_teacher_reads_its_own_camera_alone(root, pipelines, camera, name):
    """No other picture has to be there; boxes and sizes are the same."""
    for other in CAMERAS.keys() - {camera}:
        for folder in root.glob(f'*/{CAMERAS[other][0]}'):
            shutil.rmtree(folder)
    options = dict(unlabelled=False, cameras=(camera, ))
    packed = build(root, 'test_truth', test_mode=True, **options,
                   pipeline=pipelines.camera_test_pipelines[camera])[0]
    sample = packed['data_samples']
    channels = 1 if camera == 'thermal' else 3
    assert {k: tuple(v.shape) for k, v in packed['inputs'].items()
            } == {name: (channels, 58, 96)}
    assert (sample.ori_shape, sample.img_shape) == ((24, 40), (58, 96))
    assert sample.scale_factor == pytest.approx((2.4, 58 / 24))
    assert sample.gt_instances.bboxes.tolist() == [[0, 4, 20, 14]]
    pipeline = pipelines.camera_train_pipelines[camera]
    pipeline[-2].prob = 1.
    packed = build(root, 'test_truth', pipeline=pipeline, **options)[0]
    assert packed['data_samples'].flip
    np.testing.assert_allclose(packed['data_samples'].gt_instances.bboxes,
                               [[48, 4 * 58 / 24, 96, 14 * 58 / 24]],
                               rtol=1e-6)


def test_one_camera_and_the_sound(drives, pipelines):
    """Of StereoSoundNet, whose teacher sees colours."""
    packed = build(drives, pipeline=pipelines.rgb_distill_pipeline,
                   cameras=('rgb', ))[0]
    assert list(packed['inputs']) == ['img', 'spectrogram']
    assert packed['inputs']['img'].shape == (3, 58, 96)


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


def test_what_three_cameras_see_beside_the_sound(drives, pipelines):
    cfg = pipelines.train_dataloader.dataset
    dataset = build(drives, pipeline=cfg.pipeline, cameras=cfg.cameras,
                    leave_out_incomplete=True, filter_cfg=None)
    packed = dataset[0]
    inputs, sample = packed['inputs'], packed['data_samples']
    assert {k: tuple(v.shape)
            for k, v in inputs.items()} == dict(img=(3, 58, 96),
                                                thermal=(1, 58, 96),
                                                depth_picture=(3, 58, 96),
                                                spectrogram=(8, 20, 13))
    assert (sample.ori_shape, sample.img_shape) == ((24, 40), (58, 96))
    assert len(sample.gt_instances) == 0 and sample.frame_id == str(
        frames_of('train')[0])
    # The left and the right column are 10 and 49 of the pictures.
    shown = pictures_of(frames_of('train')[0])
    for x, column in ((0, 10), (-1, 49)):
        assert inputs['img'][0, :, x].numpy() == pytest.approx(column, abs=.3)
        np.testing.assert_allclose(inputs['depth_picture'][:, 0, x],
                                   shown['depth'][0, column], atol=8)
    assert inputs['thermal'][0, 0, [0, -1]].tolist() == [0, 255]


def test_the_geometry_is_the_same_with_and_without_a_picture(
        drives, pipelines):
    seen = build(drives, 'test_truth', unlabelled=False,
                 cameras=tuple(CAMERAS),
                 pipeline=pipelines.distill_pipeline)[0]['data_samples']
    heard = build(drives, 'test_truth', unlabelled=False,
                  pipeline=pipelines.train_pipeline)[0]['data_samples']
    assert seen.img_shape == heard.img_shape
    assert seen.scale_factor == heard.scale_factor
    assert seen.ori_shape == heard.ori_shape
    np.testing.assert_array_equal(seen.gt_instances.bboxes,
                                  heard.gt_instances.bboxes)


def test_the_config_as_it_is_shipped(repo, drives):
    cfg = Config.fromfile(repo / 'configs/_base_/datasets/mavd.py')
    for split in ('train', 'val', 'test'):
        dataset = cfg[f'{split}_dataloader'].dataset
        dataset.data_root = str(drives)
        assert len(DATASETS.build(dataset)) == SPLITS[split][1]
