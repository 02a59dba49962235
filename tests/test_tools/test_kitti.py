"""KITTI's metrics through tools/test.py, on synthetic streets."""
import json

import numpy as np
import pytest
import torch

from mmxkd.evaluation.functional.kitti import evaluate
from mmxkd.formats.kitti import (
    KittiObjects,
    read_labels,
    read_results,
    write_labels,
)
from tests.helpers.stacks import needs

#: An odd number: two processes do not get the same number of frames.
FRAMES = 5

CONFIG = '''
_base_ = {base!r}
# Random weights find boxes of the size of the smallest anchors.
model = dict(rpn_head=dict(anchor_generator=dict(scales=[20])))
test_dataloader = dict(dataset=dict(data_root={root!r}))
test_evaluator = dict(
    _delete_=True, type='mmxkd.KittiMetric2D', label_dir={labels!r})
'''

# Real detectors of mmdet3d, in the small, on its own data set and pipelines.
MMDET3D = '''
default_scope = 'mmdet3d'
custom_imports = dict(imports=['mmxkd', 'mmdet3d'])
{model}
test_dataloader = dict(
    batch_size=2, num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='KittiDataset', data_root={root!r} + '/',
        ann_file='kitti_infos_val.json', test_mode=True,
        metainfo=dict(classes=('Pedestrian', 'Cyclist', 'Car')), **data))
test_evaluator = dict(
    type='mmxkd.KittiMetric3D', ann_file={root!r} + '/kitti_infos_val.json',
    overlaps=['strict', 'loose'])
test_cfg = dict(type='TestLoop')
env_cfg = dict(dist_cfg=dict(backend='gloo'))
'''

CAMERA = '''
_base_ = ['mmdet3d::_base_/models/smoke.py']
norm = dict(type='GN', num_groups=8)
model = dict(
    backbone=dict(
        _delete_=True, type='mmdet.ResNet', depth=18, base_channels=8,
        num_stages=1, strides=(1, ), dilations=(1, ), out_indices=(0, )),
    neck=dict(
        _delete_=True, type='mmdet.FPN', in_channels=[8], out_channels=16,
        num_outs=1),
    bbox_head=dict(
        in_channels=16, feat_channels=16, cls_branch=(16, ),
        reg_branch=((16, ), ), norm_cfg=norm),
    test_cfg=dict(topK=30, max_per_img=30))
data = dict(
    data_prefix=dict(img='training/image_2'),
    modality=dict(use_camera=True), box_type_3d='Camera',
    load_type='fov_image_based', pipeline=[
        dict(type='LoadImageFromFileMono3D'),
        dict(type='AffineResize', img_scale=(640, 192), down_ratio=4),
        dict(type='Pack3DDetInputs', keys=['img'])])
'''

LIDAR = '''
_base_ = ['mmdet3d::_base_/models/pointpillars_hv_secfpn_kitti.py']
size = [0.32, 0.32, 4]
model = dict(
    data_preprocessor=dict(voxel_layer=dict(voxel_size=size)),
    voxel_encoder=dict(voxel_size=size, feat_channels=[8]),
    middle_encoder=dict(in_channels=8, output_shape=[248, 216]),
    backbone=dict(in_channels=8, layer_nums=[1, 1, 1],
                  out_channels=[8, 8, 8]),
    neck=dict(in_channels=[8, 8, 8], out_channels=[8, 8, 8]),
    bbox_head=dict(in_channels=24, feat_channels=24),
    test_cfg=dict(score_thr=0.001))
data = dict(
    data_prefix=dict(pts='training/velodyne'),
    modality=dict(use_lidar=True), pipeline=[
        dict(type='LoadPointsFromFile', coord_type='LIDAR', load_dim=4,
             use_dim=4),
        dict(type='Pack3DDetInputs', keys=['points'])])
'''


@pytest.fixture(scope='module')
def kitti(tmp_path_factory):
    """A converted synthetic data set."""
    from mmxkd.datasets.convert.kitti import convert
    from mmxkd.synthetic import KittiSettings, write_kitti_dataset
    root = tmp_path_factory.mktemp('kitti')
    splits = write_kitti_dataset(
        root, KittiSettings(train=4, val=FRAMES, azimuth_step=0.5), 0)
    convert(root, {'val': splits['val']})
    return root


def write_checkpoint(path, config, scope: str) -> None:
    """Random weights of a config's model."""
    from mmdet.registry import MODELS
    from mmengine.config import Config
    from mmengine.registry import init_default_scope
    cfg = Config.fromfile(config)
    init_default_scope(scope)
    torch.manual_seed(1)
    model = MODELS.build(cfg.model)
    torch.save(dict(state_dict=model.state_dict(), meta={}), path)


def logged_scores(work_dir) -> dict:
    """What a run has left in its log, of KITTI's metrics."""
    log, = work_dir.glob('*/*.json')
    scores = json.loads(log.read_text())
    return {
        key.removeprefix('kitti/'): value for key, value in scores.items()
        if key.startswith('kitti/')
    }


def detected_labels(detections: KittiObjects) -> KittiObjects:
    """Labels where the detector sees something: untrained ones score 0."""
    draw = np.random.default_rng(0)
    frames = {}
    for frame_id in detections.frame_ids:
        part = detections.of_frame(frame_id)
        tall = np.flatnonzero(part.bbox[:, 3] - part.bbox[:, 1] > 45)
        chosen = np.sort(draw.permutation(tall)[:15])
        box = part.bbox[chosen]
        moved = box + draw.uniform(-2, 2, box.shape)
        frames[frame_id] = dict(name=part.name[chosen], bbox=moved,
                                truncated=[0] * len(chosen),
                                occluded=[0] * len(chosen))
    return KittiObjects.from_frames(frames)


@pytest.mark.slow
def test_a_detector_in_one_and_two_processes(tool, repo, kitti, tmp_path,
                                             free_port):
    labels, config = tmp_path / 'labels', tmp_path / 'config.py'
    config.write_text(
        CONFIG.format(
            base=str(repo / 'configs/kitti/faster-rcnn_r50_fpn_kitti_tiny.py'),
            root=str(kitti), labels=str(labels)))
    checkpoint = tmp_path / 'random.pth'
    write_checkpoint(checkpoint, config, 'mmdet')

    # No labels are needed to write results.
    tool('test.py', config, checkpoint, '--work-dir', tmp_path / 'write',
         '--out', tmp_path / 'found', '--cfg-options',
         'test_evaluator.format_only=True', 'test_evaluator.label_dir=')
    files = sorted((tmp_path / 'found/data').iterdir())
    assert [f.name
            for f in files] == [f'{4 + k:06d}.txt' for k in range(FRAMES)]
    detections = read_results(tmp_path / 'found/data')
    assert len(detections) >= 20 * FRAMES

    write_labels(labels, detected_labels(detections))
    tool('test.py', config, checkpoint, '--work-dir', tmp_path / 'one')
    tool('dist_test.sh', config, checkpoint, 2, '--work-dir', tmp_path / 'two',
         '--out', tmp_path / 'found_by_two', PORT=free_port)
    assert [f.read_bytes() for f in files] == [
        f.read_bytes()
        for f in sorted((tmp_path / 'found_by_two/data').iterdir())
    ]
    scores = logged_scores(tmp_path / 'one')
    assert logged_scores(tmp_path / 'two') == scores
    assert scores == evaluate(read_labels(labels), detections,
                              metrics=('bbox', )).scalars()
    assert 0 < scores['Overall_bbox_AP40_moderate_strict'] < 100


@pytest.mark.slow
@pytest.mark.parametrize('kind, model', [('Camera', CAMERA), ('LiDAR', LIDAR)])
def test_detectors_of_mmdet3d(tool, kitti, tmp_path, kind, model):
    """Its own models, data set and pipelines; on the CPU."""
    needs('mmdet3d')
    config = tmp_path / 'config.py'
    config.write_text(MMDET3D.format(root=str(kitti), model=model))
    checkpoint = tmp_path / 'random.pth'
    write_checkpoint(checkpoint, config, 'mmdet3d')
    tool('test.py', config, checkpoint, '--work-dir', tmp_path / 'run',
         '--out', tmp_path / 'found')
    labels = read_labels(kitti / 'training/label_2',
                         [f'{4 + k:06d}' for k in range(FRAMES)])
    detections = read_results(tmp_path / 'found/data')
    assert detections.frame_ids == labels.frame_ids
    assert len(detections) >= 2 * FRAMES
    assert (detections.location[:, 2] > 0).all()
    scores = logged_scores(tmp_path / 'run')
    assert scores == evaluate(labels, detections,
                              overlaps=('strict', 'loose')).scalars()
    assert 'Car_aos_AP40_moderate_strict' in scores
    assert scores['n_gt_Car_moderate'] > 0


def test_out_needs_a_metric_that_writes(repo):
    from importlib.util import module_from_spec, spec_from_file_location

    from mmengine.config import ConfigDict

    from mmxkd.errors import ConfigError
    spec = spec_from_file_location('tools_test', repo / 'tools/test.py')
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    cfg = ConfigDict(test_evaluator=[
        dict(type='VOCMetric'),
        dict(type='mmxkd.KittiMetric3D')
    ])
    module.write_to(cfg, 'here')
    assert cfg.test_evaluator[1].submission_prefix == 'here'
    with pytest.raises(ConfigError, match='KittiMetric2D'):
        module.write_to(ConfigDict(test_evaluator=dict(type='VOCMetric')),
                        'here')
