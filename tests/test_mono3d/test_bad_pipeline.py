"""Pipelines and samples that cannot be used, named where they are noticed."""
import copy
import json

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.structures import PixelData

from mmxkd.datasets.transforms import ProjectDepth
from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.mono3d import Mono3DDataPreprocessor, MonoDLANet, MonoRoIHead
from mmxkd.mono3d.transforms import (
    AffineResize,
    Pack3DDetInputs,
    RandomFlip3D,
)
from mmxkd.registry import DATASETS, MODELS, TRANSFORMS
from tests.helpers.mono_batch import MEAN, STD, batch
from tests.helpers.mono_packed import HEIGHT, WIDTH, maps
from tests.helpers.mono_packed import make_sample as packed
from tests.helpers.mono_places import make_sample
from tests.helpers.mono_run import (
    TR,
    stock_config,
    tiny_config,
    write_streets,
)

SIZE = (HEIGHT // 4, WIDTH // 4)


@pytest.fixture(autouse=True)
def scope():
    init_default_scope('mmdet3d')


@pytest.fixture(scope='module')
def streets(tmp_path_factory):
    return write_streets(tmp_path_factory.mktemp('streets'), 2)


@pytest.fixture
def cfg(repo, streets, tmp_path) -> Config:
    return tiny_config(repo, 'student_tiny', streets, tmp_path)


def scan(folder, low: float, high: float) -> dict:
    """A sample with a scan between two distances, in metres ahead."""
    path = folder / 'scan.bin'
    np.random.default_rng(0).uniform([low, -9, -2, 0], [high, 9, 2, 1],
                                     (2000, 4)).astype(np.float32).tofile(path)
    sample = make_sample()
    del sample['depth']
    sample.update(lidar_path=str(path), lidar2cam=np.vstack([TR, [0, 0, 0,
                                                                  1]]))
    return sample


def test_a_scan_is_not_projected_into_a_mirrored_picture(tmp_path):
    """Its size is that of the disk, and its camera is not."""
    sample = RandomFlip3D(1.)(scan(tmp_path, 5, 40))
    with pytest.raises(ConfigError, match='ProjectDepth: .* flipped before'):
        ProjectDepth()(sample)
    sample = RandomFlip3D(0.)(scan(tmp_path, 5, 40))
    assert (ProjectDepth()(sample)['depth'] > 0).any()


def test_a_scan_of_which_nothing_is_seen(tmp_path):
    with pytest.raises(CorruptSampleError, match='scan.bin: no pixel has'):
        ProjectDepth()(scan(tmp_path, -40, -5))


@pytest.mark.parametrize('key', ['cam2img', 'lidar2cam'])
@pytest.mark.parametrize('value', [np.full((4, 4), np.nan), np.eye(2)])
def test_a_scan_without_a_camera(tmp_path, key, value):
    with pytest.raises(ConfigError, match='000003.png: cam2img or lidar2cam'):
        ProjectDepth()(scan(tmp_path, 5, 40) | {key: value})


@pytest.mark.parametrize('options', [
    dict(flip_ratio_bev_vertical=.5),
    dict(sync_2d=False),
])
def test_flips_that_do_not_move_the_picture(options):
    with pytest.raises(ConfigError, match='one draw moves the picture'):
        RandomFlip3D(**options)


@pytest.mark.parametrize('ratio', [0., 1.])
def test_a_flip_without_a_camera(ratio):
    """Named before it is drawn."""
    sample = make_sample()
    del sample['cam2img']
    with pytest.raises(ConfigError, match='000003.png has no cam2img'):
        RandomFlip3D(ratio)(sample)


@pytest.mark.parametrize('size, ratio', [(640, 4), ((640, 192, 3), 4),
                                         ((0, 192), 4), ((640, 192), 0)])
def test_sizes_that_cannot_be(size, ratio):
    with pytest.raises(ConfigError, match='AffineResize: img_scale='):
        AffineResize(size, ratio)


def test_objects_that_a_transform_dropped():
    """mmdet3d's filters know nothing of `kept`."""
    sample = TRANSFORMS.build(dict(type='ObjectNameFilter',
                                   classes=[]))(make_sample())
    with pytest.raises(
            ConfigError, match='000003.png has 0 objects, but kept '
            'says which of 1'):
        Pack3DDetInputs(('img', 'gt_bboxes_3d'))(sample)


def test_keys_in_one_word():
    with pytest.raises(ConfigError, match="keys='img', expected a list"):
        Pack3DDetInputs('img')


@pytest.mark.parametrize('key, place', [('gt_bboxes', 'gt_instances'),
                                        ('gt_bboxes_3d', 'gt_instances_3d'),
                                        ('gt_labels_3d', 'gt_instances_3d')])
def test_what_was_not_packed(cfg, key, place):
    pack = cfg.train_dataloader.dataset.pipeline[-1]
    pack['keys'] = [k for k in pack['keys'] if k != key]
    data = DATASETS.build(cfg.train_dataloader.dataset)
    model = MODELS.build(cfg.model)
    found = model.data_preprocessor(pseudo_collate([data[0]]), True)
    with pytest.raises(
            ConfigError, match=f'000000.png: {place} has no .*: '
            f'add {key} to the keys'):
        model(**found, mode='loss')


def test_cells_of_another_size(cfg):
    for step in cfg.train_dataloader.dataset.pipeline:
        if 'down_ratio' in step:
            step.down_ratio = 8
    data = DATASETS.build(cfg.train_dataloader.dataset)
    model = MODELS.build(cfg.model)
    found = model.data_preprocessor(pseudo_collate([data[0]]), True)
    with pytest.raises(
            ConfigError, match=r'has 8 pixels per cell \(down_ratio '
            r'of AffineResize\), the head stride=4'):
        model(**found, mode='loss')


def head(**options) -> MonoRoIHead:
    return MonoRoIHead(**(dict(in_channels=8, feat_channels=8) | options))


def test_a_map_of_another_level():
    sample = packed(batch_input_shape=(HEIGHT, WIDTH))
    head().loss(maps(1), [sample])
    with pytest.raises(
            ConfigError, match='a map of 20x12 cells of an input '
            'of 160x96: the head has stride=4'):
        head().loss([maps(1)[0][..., ::2, ::2]], [sample])


def changed(place: int, value: float):
    sample = packed()
    sample.gt_instances_3d.bboxes_3d.tensor[1, place] = value
    return sample


@pytest.mark.parametrize('place, value', [(2, 0.), (2, float('nan')), (4, 0.),
                                          (3, -1.), (0, np.inf)])
def test_objects_that_cannot_be_learned(place, value):
    """Of a data set that does not look at them itself."""
    with pytest.raises(ConfigError, match='000007.png: an object has the box'):
        head().loss(maps(1), [changed(place, value)])


@pytest.mark.parametrize('label', [-1, 3])
def test_a_class_that_the_head_does_not_have(label):
    sample = packed()
    sample.gt_instances_3d.labels_3d[1] = label
    with pytest.raises(
            ConfigError, match=f'000007.png: an object has the '
            f'label {label}, but the head num_classes=3'):
        head().loss(maps(1), [sample])


def test_no_object_is_kept():
    sample = packed()
    sample.gt_instances_3d.kept = torch.zeros(2, dtype=torch.bool)
    losses = head().loss(maps(), [sample, copy.deepcopy(sample)])
    assert all(value.isfinite() for value in losses.values())
    assert losses['loss_seg'] > 0 and losses['loss_depth'] == 0


def test_depth_of_another_size_than_the_picture():
    sample = packed()
    del sample.gt_depth
    sample.gt_depth = PixelData(data=torch.ones(1, 9, 9))
    with pytest.raises(
            ConfigError, match=r'000007.png: gt_depth has the shape '
            r'\(1, 9, 9\), the picture \(96, 160\)'):
        head().loss(maps(1), [sample])


def test_a_matrix_that_cannot_be_inverted():
    with pytest.raises(ConfigError, match='000007.png: trans_mat cannot be'):
        head().loss(maps(1), [packed(trans_mat=np.zeros((3, 3)))])


@pytest.mark.parametrize('options, message', [
    (dict(stride=0), 'stride=0, expected a whole number above 0'),
    (dict(roi_size=0), 'roi_size=0'),
    (dict(feat_channels=0), 'feat_channels=0'),
    (dict(test_cfg=dict(score=.1)), "test_cfg.score .*'score_thr'"),
    (dict(encoder=dict(gat=3.)), "encoder.gat .*'gate'"),
    (dict(mean_sizes=[[1., 2.], [1.]]), 'expected 3 rows of h, w, l'),
    (dict(projection='byz'), "'by_z'"),
])
def test_heads_that_cannot_be(options, message):
    with pytest.raises(ConfigError, match=message):
        head(**options)


@pytest.mark.parametrize('options, message', [
    (dict(width=0.01), 'leaves a level without channels'),
    (dict(width='1'), "width='1', expected a number"),
    (dict(depth=50), 'depth=50'),
    (dict(out_indices=(6, )), 'out_indices=6'),
])
def test_backbones_that_cannot_be(options, message):
    with pytest.raises(ConfigError, match=message):
        MonoDLANet(**options)


def test_a_picture_that_is_not_padded():
    with pytest.raises(
            ConfigError, match='of 168x96, expected multiples of '
            '32: set pad_size_divisor=32'):
        MonoDLANet(width=.125)(torch.zeros(1, 3, 96, 168))


@pytest.mark.parametrize('options, message', [
    (dict(depth_channels=0), 'depth_channels=0'),
    (dict(mean=MEAN), 'expected both or neither'),
    (dict(mean=MEAN, std=[0, 1, 1]), 'std above 0'),
])
def test_views_that_cannot_be(options, message):
    with pytest.raises(ConfigError, match=message):
        Mono3DDataPreprocessor(('img', 'depth'), **options)


def test_modalities_of_two_sizes():
    data = batch()
    data['inputs']['depth'] = [torch.ones(1, 20, 60)] * 2
    with pytest.raises(
            ConfigError, match=r"\('img', 'depth'\), but they have "
            r'the sizes \[\(30, 60\), \(20, 60\)\]'):
        Mono3DDataPreprocessor(('img', 'depth'), mean=MEAN, std=STD)(data)


def test_the_scale_of_depth_is_not_guessed():
    with pytest.raises(ConfigError, match="no 'aug_scale', by which depth"):
        Mono3DDataPreprocessor(('depth', ))(batch(trans_mat=np.eye(3)))


def empty(streets) -> str:
    """Infos without a label line."""
    infos = json.loads((streets / 'kitti_infos_train.json').read_text())
    for frame in infos['data_list']:
        frame['instances'] = []
    (streets / 'empty.json').write_text(json.dumps(infos))
    return 'empty.json'


@pytest.mark.parametrize('detector', ['smoke', 'pgd', 'fcos3d'])
def test_mmdet3ds_detectors_learn_from_empty_streets(repo, streets, detector):
    """A batch without an object, of frames without a label line."""
    cfg = stock_config(repo, f'{detector}_student', streets)
    dataset = DATASETS.build(
        dict(cfg.train_dataloader.dataset, ann_file=empty(streets)))
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    data = model.train().data_preprocessor(
        pseudo_collate([dataset[0], dataset[1]]), True)
    total, logs = model.parse_losses(model(**data, mode='loss'))
    assert total.isfinite() and logs['loss_cls'] > 0
    total.backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all(), name
