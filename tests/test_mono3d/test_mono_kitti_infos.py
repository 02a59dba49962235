"""Info files, folders and classes that cannot be used are named at once."""
import copy
import json
import pickle

import numpy as np
import pytest
from mmengine.registry import init_default_scope

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.mono3d import MonoKittiDataset
from tests.helpers.mono_run import P2, write_streets

CLASSES = ('Pedestrian', 'Cyclist', 'Car')
MATRIX = np.vstack([P2, [0, 0, 0, 1]])


@pytest.fixture(scope='module')
def streets(tmp_path_factory):
    return write_streets(tmp_path_factory.mktemp('streets'), 2)


@pytest.fixture
def build(streets, tmp_path):
    """A data set of infos that were changed."""
    init_default_scope('mmdet3d')
    infos = json.loads((streets / 'kitti_infos_train.json').read_text())

    def make(change=None, **options) -> MonoKittiDataset:
        content = copy.deepcopy(infos)
        replaced = change(content) if change else None
        path = tmp_path / 'infos.json'
        path.write_text(json.dumps(content if replaced is None else replaced))
        return MonoKittiDataset(
            str(streets), str(path),
            **(dict(metainfo=dict(classes=CLASSES))
               | options))

    return make


def camera(**values):
    """Of the second frame; None removes a key."""

    def change(infos: dict) -> None:
        own = infos['data_list'][1]['images']['CAM2']
        for key, value in values.items():
            own.pop(key) if value is None else own.update({key: value})

    return change


def instance(**values):
    """The first object of the second frame; None removes a key."""

    def change(infos: dict) -> None:
        own = infos['data_list'][1]['instances'][0]
        for key, value in values.items():
            own.pop(key) if value is None else own.update({key: value})

    return change


def with_number(row: int, column: int, value: float) -> list:
    matrix = MATRIX.copy()
    matrix[row, column] = value
    return matrix.tolist()


@pytest.mark.parametrize('values, message', [
    (dict(cam2img=None), 'CAM2 has no cam2img'),
    (dict(lidar2cam=None), 'CAM2 has no lidar2cam'),
    (dict(width=None), 'CAM2 has no width'),
    (dict(cam2img=with_number(0, 1, 3.)), 'cam2img has a skew of 3 '),
    (dict(cam2img=with_number(0, 0, 204.)), 'focal lengths 204 and 200'),
    (dict(cam2img=with_number(0, 0, float('nan'))), 'finite numbers'),
])
def test_cameras(build, values, message):
    with pytest.raises(CorruptSampleError,
                       match=f'infos.json: frame 000001: .*{message}'):
        build(camera(**values))


@pytest.mark.parametrize('values, message', [
    (dict(bbox=None), r'instances\[0\] has no bbox$'),
    (dict(depth=None), r'instances\[0\] has no depth$'),
    (dict(bbox=[50, 50, 40, 60]), 'object 0: the box ends before it begins'),
    (dict(truncated=float('nan')), 'object 0: truncated is not a finite'),
    (dict(bbox_3d=[1., 2., 3.]), r'instances\[0\].bbox_3d is .*expected 7'),
    (dict(bbox_3d=[float('nan'), 1., 9., 4., 1., 1., 0.]),
     'object 0: location is not a finite'),
    (dict(bbox_label=9, bbox_label_3d=9), 'no key or category 9'),
    (dict(bbox_label=1), 'bbox_label 1 and the bbox_label_3d 2'),
])
@pytest.mark.parametrize('test_mode', [False, True])
def test_labels(build, values, message, test_mode):
    with pytest.raises(CorruptSampleError,
                       match=f'infos.json: frame 000001.*{message}'):
        build(instance(**values), test_mode=test_mode)


def test_a_file_of_an_older_mmdet3d(build, streets, tmp_path):
    with pytest.raises(
            CorruptSampleError,
            match='infos.json: is a list of frames, as mmdet3d '
            'before 1.1'):
        build(lambda infos: infos['data_list'])
    path = tmp_path / 'kitti_infos_train.pkl'
    path.write_bytes(pickle.dumps([]))
    with pytest.raises(ConfigError, match='train.pkl is no .json; a .pkl '
                       'runs code'):
        MonoKittiDataset(str(streets), str(path))
    with pytest.raises(ConfigError, match='no file .*nothing.json; write it'):
        MonoKittiDataset(str(streets), 'nothing.json')


def test_other_numbers_of_the_classes(build):
    """mmdet3d reads the numbers alone: a car would be a pedestrian."""

    def change(infos: dict) -> None:
        infos['metainfo']['categories'].update(Car=0, Pedestrian=2)

    with pytest.raises(
            CorruptSampleError,
            match="metainfo.categories: 'Pedestrian' is 2, but "
            "mmdet3d's KittiDataset reads"):
        build(change)


@pytest.mark.parametrize('classes, message', [
    (['car'], "unknown class 'car'; did you mean 'Car'"),
    (['Car', 'Car'], 'expected each class once'),
    ('Car', "metainfo.classes='Car', expected a list"),
])
def test_classes(build, classes, message):
    with pytest.raises(ConfigError, match=message):
        build(metainfo=dict(classes=classes))


@pytest.mark.parametrize('options, message', [
    (dict(box_type_3d='LiDAR'), "box_type_3d='LiDAR', expected 'Camera'"),
    (dict(load_type='fov_image_based'), "expected 'frame_based'"),
    (dict(default_cam_key='CAM0'), "expected 'CAM2'"),
    (dict(modality=dict(use_lidar=True)), 'expected use_camera=True'),
])
def test_options(build, options, message):
    with pytest.raises(ConfigError, match=message):
        build(**options)


def of_split(name):
    return lambda infos: infos['metainfo'].update(split=name)


def without_split(infos: dict) -> None:
    del infos['metainfo']['split']


def test_folders_follow_the_split(build):
    """training/ and testing/ both have a frame 000000."""
    for split, folder in (('train', 'training'), ('test', 'testing')):
        info = build(of_split(split), test_mode=True).get_data_info(0)
        for key, kind in (('img_path', 'image_2/000000.png'),
                          ('depth_path', 'depth_2/000000.png'),
                          ('lidar_path', 'velodyne/000000.bin')):
            assert info[key].endswith(f'{folder}/{kind}')


@pytest.mark.parametrize('split, prefix, message', [
    (of_split('train'), dict(depth='testing/depth_2'),
     "depth='testing/depth_2' is a folder of testing/, but .*infos.json is "
     "of the split 'train'"),
    (of_split('test'), dict(img='training/image_2'),
     "img='training/image_2' .*split 'test'"),
    (without_split, dict(img='testing/image_2', depth='training/depth_2'),
     'depth=.* is a folder of training/, but img is that of testing/'),
])
def test_folders_of_other_frames(build, split, prefix, message):
    with pytest.raises(ConfigError, match=message):
        build(split, data_prefix=prefix)


def test_folders_of_other_names(build):
    """Maps may lie anywhere."""
    info = build(data_prefix=dict(
        depth='/disk/testing/kitti/training/dense')).get_data_info(0)
    assert info[
        'depth_path'] == '/disk/testing/kitti/training/dense/000000.png'
    info = build(without_split, data_prefix=dict(img='testing/image_2'),
                 test_mode=True).get_data_info(0)
    assert info['depth_path'].endswith('testing/depth_2/000000.png')


def nothing(infos: dict) -> None:
    infos['data_list'][1]['instances'] = []


def dont_care(infos: dict) -> None:
    for own in infos['data_list'][1]['instances']:
        own.update(bbox_label=-1, bbox_label_3d=-1,
                   bbox_3d=[-1000, -1000, -1000, -1, -1, -1, -10])


def vans(infos: dict) -> None:
    for own in infos['data_list'][1]['instances']:
        own.update(bbox_label=3, bbox_label_3d=3)


@pytest.mark.parametrize('change', [nothing, dont_care, vans])
def test_a_frame_without_an_object_of_the_classes(build, change):
    """It stays, unless filter_empty_gt; all that heads ask for is there."""
    data = build(change)
    info = data.get_data_info(1)
    found = info['ann_info']
    assert len(data) == 2 and info['kept'].shape == (0, )
    assert {
        key: found[key].shape
        for key in ('gt_bboxes', 'gt_labels_3d', 'centers_2d', 'depths')
    } == dict(gt_bboxes=(0, 4), gt_labels_3d=(0, ), centers_2d=(0, 2),
              depths=(0, ))
    assert len(build(change, filter_empty_gt=True)) == 1


def test_no_frame_with_an_object(build):
    with pytest.raises(
            ConfigError, match='none of the 2 frames has an '
            r"object of the classes \('Cyclist',"):
        build(filter_empty_gt=True, metainfo=dict(classes=('Cyclist', )))


def test_a_test_set_without_labels(build):

    def change(infos: dict) -> None:
        for frame in infos['data_list']:
            del frame['instances']

    assert 'kept' not in build(change, test_mode=True).get_data_info(0)
    with pytest.raises(CorruptSampleError, match='frame 000000 has no labels'):
        build(change)
