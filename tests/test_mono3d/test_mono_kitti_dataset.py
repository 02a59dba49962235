"""Which objects are learned, and what a sample says."""
import json

import numpy as np
import pytest
from mmengine.registry import init_default_scope

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.mono3d import MonoKittiDataset
from mmxkd.mono3d.mono_kitti_dataset import learnable
from tests.helpers.mono_run import HEIGHT, WIDTH, write_streets

CLASSES = ('Pedestrian', 'Cyclist', 'Car')


@pytest.fixture(scope='module')
def streets(tmp_path_factory):
    return write_streets(tmp_path_factory.mktemp('streets'), 2)


def build(root, ann_file='kitti_infos_train.json', **options):
    init_default_scope('mmdet3d')
    return MonoKittiDataset(str(root), ann_file,
                            metainfo=dict(classes=CLASSES), **options)


@pytest.mark.parametrize(
    'height, truncated, occluded, z, expected',
    [
        (39., .15, 0, 9., True),  # easy: 40 rows
        (38., .15, 0, 9., True),  # moderate
        (24., .30, 1, 9., True),  # moderate: 25 rows
        (23.9, 0., 0, 9., False),
        (50., .5, 2, 9., True),
        (50., .51, 0, 9., False),
        (50., 0., 3, 9., False),
        (50., 0., 0, 1.99, False),
        (50., 0., 0, 2., True)
    ])
def test_learnable(height, truncated, occluded, z, expected):
    found = learnable(np.array([[0., 0., 9., height]]), np.array([truncated]),
                      np.array([occluded]), np.array([z]))
    assert found.tolist() == [expected]


def test_a_sample(streets):
    info = build(streets).get_data_info(1)
    assert info['frame_id'] == '000001'
    assert info['depth_path'].endswith('training/depth_2/000001.png')
    assert (info['width'], info['height']) == (WIDTH, HEIGHT)
    assert info['ann_info']['gt_labels_3d'].tolist() == [2, 2, 0]
    assert len(info['kept']) == 3


def test_all_objects_may_be_learned(streets):
    assert build(streets, learn_all=True).get_data_info(0)['kept'].all()


@pytest.mark.parametrize('index, value', [(2, -1.), (3, 0.)])
def test_labels_that_cannot_be_learned_are_named(streets, index, value):
    infos = json.loads((streets / 'kitti_infos_train.json').read_text())
    infos['data_list'][1]['instances'][2]['bbox_3d'][index] = value
    (streets / 'bad.json').write_text(json.dumps(infos))
    with pytest.raises(CorruptSampleError, match='000001.png: object 2'):
        build(streets, 'bad.json')


def test_an_unknown_folder_is_named(streets):
    with pytest.raises(ConfigError, match="unknown key of data_prefix "
                       "'dept'.*'depth'"):
        build(streets, data_prefix=dict(dept='training/depth_dense'))
