import json
import shutil

import cv2
import numpy as np
import pytest
import torch
from mmdet.registry import TASK_UTILS
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.structures import InstanceData

from mmxkd.datasets.convert.kitti import convert
from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.kitti.layout import split_ids, splits_of
from mmxkd.registry import DATASETS
from tests.helpers.kitti_tree import HEIGHT, LABELS, WIDTH, write_kitti

PIPELINE = [
    dict(type='mmxkd.LoadImageFromFile'),
    dict(type='mmdet.LoadAnnotations', with_bbox=True),
    dict(type='mmdet.PackDetInputs'),
]


@pytest.fixture(scope='module')
def converted(tmp_path_factory):
    root = write_kitti(tmp_path_factory.mktemp('kitti'))
    convert(root, {s: split_ids(root, s) for s in splits_of(root)}, depth=True)
    return root


@pytest.fixture
def root(converted, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(converted, tmp_path / 'kitti')


def build(root, split='trainval', from_infos=False, **kwargs):
    source = (dict(ann_file=f'kitti_infos_{split}.json') if from_infos else
              dict(split=split))
    return DATASETS.build(
        dict(type='mmxkd.KittiDataset', data_root=str(root), **source,
             **kwargs))


def summary(dataset, index):
    names = dataset.metainfo['classes']
    return [(names[i['bbox_label']], i['ignore_flag'], i['bbox'][0])
            for i in dataset.get_data_info(index)['instances']]


@pytest.mark.parametrize('from_infos', [False, True])
def test_keys_of_a_sample(converted, from_infos):
    dataset = build(converted, 'train', from_infos)
    assert dataset.metainfo['classes'] == ('Car', 'Pedestrian', 'Cyclist')
    assert len(dataset) == 2
    info = dataset.get_data_info(1)
    base = f'{converted}/training'
    assert info.pop('instances')
    assert info == dict(img_path=f'{base}/image_2/000002.png',
                        lidar_path=f'{base}/velodyne/000002.bin',
                        depth_path=f'{base}/depth_2/000002.png',
                        frame_id='000002', img_id=2, width=WIDTH,
                        height=HEIGHT, sample_idx=1)


@pytest.mark.parametrize('from_infos', [False, True])
def test_what_is_an_object_and_what_is_ignored(converted, from_infos):
    dataset = build(converted, from_infos=from_infos)
    assert summary(dataset, 0) == [('Car', 0, 100.5), ('Car', 1, 10.0),
                                   ('Pedestrian', 0, 200.0), ('Car', 1, 280.0)]
    assert summary(dataset, 1) == []
    # The pedestrian is occluded too much, the second car too small.
    assert summary(dataset, 2) == [('Cyclist', 0, 140.0), ('Car', 1, 1.0),
                                   ('Pedestrian', 1, 200.0),
                                   ('Pedestrian', 1, 220.0), ('Car', 1, 230.0)]
    # Truncated too much.
    assert summary(dataset, 3) == [('Car', 1, 260.0)]


@pytest.mark.parametrize(
    'options, flags', [(dict(hardest='easy'), [0, 1, 1, 1]),
                       (dict(hardest='moderate'), [0, 1, 1, 1]),
                       (dict(hardest='hard'), [0, 1, 0, 1]),
                       (dict(hardest=None), [0, 1, 0, 1]),
                       (dict(hardest='easy', test_mode=True), [0, 1, 0, 1])])
def test_hardest_object_that_is_trained(converted, options, flags):
    assert [i[1] for i in summary(build(converted, **options), 0)] == flags


def test_all_objects_count_without_a_limit(converted):
    dataset = build(converted, hardest=None)
    assert [flag for _, flag, _ in summary(dataset, 2)] == [0, 1, 1, 0, 0]
    assert summary(dataset, 3) == [('Car', 0, 260.0)]


def test_subset_of_the_classes(converted):
    cars = build(converted, metainfo=dict(classes=('Car', )))
    assert summary(cars, 0) == [('Car', 0, 100.5), ('Car', 1, 10.0),
                                ('Car', 1, 280.0)]
    # A sitting person is like a pedestrian, which is background now.
    assert [x for _, _, x in summary(cars, 2)] == [1.0, 230.0]
    vans = build(converted, metainfo=dict(classes=['Van', 'Car']))
    assert summary(vans, 0)[:2] == [('Car', 0, 100.5), ('Van', 0, 10.0)]


def test_pipeline_separates_objects_and_regions(converted):
    dataset = build(converted, pipeline=PIPELINE)
    batch = pseudo_collate([dataset[k] for k in range(4)])
    sample = batch['data_samples'][0]
    np.testing.assert_allclose(
        sample.gt_instances.bboxes.numpy(),
        [[100.5, 40.25, 160.75, 80.5], [200, 30, 215, 80]])
    assert sample.gt_instances.labels.tolist() == [0, 1]
    np.testing.assert_allclose(sample.ignored_instances.bboxes.numpy(),
                               [[10, 30, 60, 70], [280, 40, 319, 60]])
    assert len(batch['data_samples'][1].gt_instances) == 0
    assert batch['inputs'][0].shape == (3, HEIGHT, WIDTH)


def test_detectors_of_the_configs_heed_ignored_regions(repo):
    paths = sorted((repo / 'configs/kitti').glob('*.py'))
    assert paths
    for path in paths:
        model = Config.fromfile(path).model
        for part in (model.train_cfg.rpn, model.train_cfg.rcnn):
            assigner = TASK_UTILS.build(part.assigner)
            objects = InstanceData(bboxes=torch.tensor([[0., 0., 50., 50.]]),
                                   labels=torch.tensor([0]))
            ignored = InstanceData(bboxes=torch.tensor([[60., 0., 90., 90.]]))
            boxes = InstanceData(
                priors=torch.tensor([[0., 0., 50., 50.], [65., 0., 85., 40.],
                                     [0., 60., 40., 99.]]))
            found = assigner.assign(boxes, objects, ignored).gt_inds
            assert found.tolist() == [1, -1, 0], path


def test_filters_are_for_training(converted):
    config = dict(filter_empty_gt=True)
    ids = [
        build(converted, filter_cfg=config).get_data_info(k)['frame_id']
        for k in range(2)
    ]
    assert ids == ['000000', '000002']
    assert len(build(converted, filter_cfg=config)) == 2
    assert len(build(converted, filter_cfg=config, test_mode=True)) == 4
    assert len(build(converted, filter_cfg=dict(min_size=HEIGHT))) == 4
    with pytest.raises(ConfigError, match='leaves none of 4 frames'):
        build(converted, filter_cfg=dict(min_size=HEIGHT + 1))


def test_subsets_keep_their_ids(converted):
    dataset = build(converted, indices=[3, 0])
    assert [dataset.get_data_info(k)['frame_id']
            for k in range(2)] == ['000003', '000000']
    assert build(converted).get_subset([2]).get_data_info(0)['img_id'] == 2
    assert len(build(converted, indices=1)) == 1


def test_categories_of_a_frame_are_those_that_count(converted):
    dataset = build(converted)
    assert [dataset.get_cat_ids(k) for k in range(4)] == [[0, 1], [], [2], []]


@pytest.mark.parametrize('from_infos', [False, True])
def test_frames_without_labels(converted, from_infos):
    dataset = build(converted, 'test', from_infos, test_mode=True)
    info = dataset.get_data_info(1)
    assert info['img_path'] == f'{converted}/testing/image_2/000001.png'
    assert info['instances'] == []


def test_folders_elsewhere(root, tmp_path):
    moved = tmp_path / 'elsewhere'
    (root / 'training/image_2').rename(moved)
    shutil.rmtree(root / 'training/velodyne')
    shutil.rmtree(root / 'training/depth_2')
    info = build(root, data_prefix=dict(img=str(moved))).get_data_info(0)
    assert info['img_path'] == f'{moved}/000000.png'
    assert 'lidar_path' not in info and 'depth_path' not in info


def test_real_frame(shared_data, tmp_path):
    source = shared_data / 'kitti_sample/training'
    shutil.copytree(source, tmp_path / 'training')
    (tmp_path / 'ImageSets').mkdir()
    (tmp_path / 'ImageSets/train.txt').write_text('000000\n')
    convert(tmp_path, {'train': ['000000']}, depth=True)
    for from_infos in (False, True):
        dataset = build(tmp_path, 'train', from_infos, pipeline=PIPELINE)
        assert summary(dataset, 0) == [('Pedestrian', 0, 712.4)]
        info = dataset.get_data_info(0)
        assert (info['width'], info['height']) == (1224, 370)
        assert info['depth_path'].endswith('training/depth_2/000000.png')
        assert dataset[0]['inputs'].shape == (3, 370, 1224)


@pytest.mark.parametrize(
    'options, message',
    [(dict(split='train', ann_file='a.json'), 'either ann_file'),
     (dict(), 'either ann_file'),
     (dict(split='valid'), "unknown split 'valid'; did you mean 'val"),
     (dict(split='train', hardest='medium'), "unknown hardest 'medium'"),
     (dict(split='train',
           data_prefix=dict(lidar='a')), "unknown key of data_prefix 'lidar'"),
     (dict(split='train', metainfo=dict(classes=('car', ))),
      "unknown class 'car'; did you mean 'Car'"),
     (dict(split='train',
           metainfo=dict(classes=('DontCare', ))), "unknown class 'DontCare'"),
     (dict(ann_file='kitti_infos_train.pkl'), 'kitti_infos_train.pkl'),
     (dict(ann_file='kitti_infos_all.json'), 'kitti_infos_all.json')])
def test_bad_arguments(converted, options, message):
    with pytest.raises(ConfigError, match=message):
        DATASETS.build(
            dict(type='mmxkd.KittiDataset', data_root=str(converted),
                 **options))


@pytest.mark.parametrize(
    'line, reason',
    [(LABELS['000003'][0].replace(
        'Car', 'Cra'), "unknown class 'Cra'; did you mean 'Car'"),
     (LABELS['000003'][0].replace('260.00', 'nan'), 'not a finite number'),
     (LABELS['000003'][0].replace('260.00', '330.00'), 'ends before'),
     (LABELS['000003'][0] + ' 0.9', 'expected 15 fields, found 16'),
     ('Car 1 2', 'expected 15 fields, found 3')])
def test_bad_label_names_file_and_line(root, line, reason):
    path = root / 'training/label_2/000003.txt'
    path.write_text(f'{LABELS["000003"][0]}\n\n{line}\n')
    with pytest.raises(CorruptSampleError, match=reason) as caught:
        build(root)
    assert f'{path}: line 3: ' in str(caught.value)


def test_frame_without_a_label_file(root):
    (root / 'training/label_2/000002.txt').unlink()
    with pytest.raises(ConfigError, match='label_2: no label.*000002'):
        build(root)


def test_frame_without_an_image(root):
    (root / 'training/image_2/000002.png').unlink()
    with pytest.raises(CorruptSampleError, match='image_2/000002.png'):
        build(root)


def test_broken_image_is_not_replaced(root):
    path = root / 'training/image_2/000002.png'
    path.write_bytes(path.read_bytes()[:3000])
    dataset = build(root, pipeline=PIPELINE)
    dataset[1]
    with pytest.raises(CorruptSampleError, match='image_2/000002.png'):
        dataset[2]


def test_none_of_a_transform_is_not_replaced(root):
    (root / 'training/image_2/000000.png').rename(root / 'moved.png')
    dataset = build(
        root, from_infos=True,
        pipeline=[dict(type='mmcv.LoadImageFromFile', ignore_empty=True)])
    with pytest.raises(CorruptSampleError, match='000000.*returned None'):
        dataset[0]


def test_infos_of_mmdet3d_itself_do_not_tell_the_split(root):
    path = root / 'kitti_infos_test.json'
    content = json.loads(path.read_text())
    del content['metainfo']['split']
    path.write_text(json.dumps(content))
    info = build(root, 'test', from_infos=True,
                 data_prefix=dict(img='testing/image_2')).get_data_info(0)
    assert info['img_path'] == f'{root}/testing/image_2/000000.png'


def test_a_picture_of_another_size_than_in_the_infos(root):
    path = root / 'training/image_2/000002.png'
    cv2.imwrite(str(path), np.zeros((HEIGHT, WIDTH // 2, 3), np.uint8))
    dataset = build(root, 'train', from_infos=True, pipeline=PIPELINE)
    dataset[0]
    with pytest.raises(CorruptSampleError,
                       match=f'000002.png: has {WIDTH // 2}x{HEIGHT} pixels'):
        dataset[1]


def test_an_info_file_cannot_lead_elsewhere(root):
    path = root / 'kitti_infos_train.json'
    content = json.loads(path.read_text())
    content['data_list'][1]['images']['CAM2']['img_path'] = '/tmp/000002.png'
    path.write_text(json.dumps(content))
    with pytest.raises(CorruptSampleError, match='entry 1: .* is not below'):
        build(root, 'train', from_infos=True)
