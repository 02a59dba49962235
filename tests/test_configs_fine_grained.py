"""The shipped configs of ShuffleDet against the published recipe."""
import math

import cv2
import numpy as np
import pytest
import torch
from mmdet.apis import DetInferencer
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.registry import (
    PARAM_SCHEDULERS,
    TRANSFORMS,
    DefaultScope,
)

from mmxkd.errors import CorruptSampleError
from mmxkd.registry import DATASETS, METRICS, MODELS
from tests.helpers.kitti_tree import write_kitti

pytestmark = pytest.mark.usefixtures('mmdet_scope')


def load(repo, name):
    return Config.fromfile(
        repo / f'configs/fine_grained/shuffledet_{name}_kitti.py')


@pytest.mark.parametrize('name, weight, width', [('x05_imitation', 1.0, .5),
                                                 ('x025_imitation', .5, .25)])
def test_imitation(repo, name, weight, width):
    cfg = load(repo, name)
    loss = cfg.model.distiller.losses.loss_imitation
    assert loss.loss_weight == weight and loss.psi == .5
    baseline = load(repo, name.partition('_')[0])
    assert cfg.model.student == baseline.model
    assert cfg.model.student.backbone.width == width
    for key in ('optim_wrapper', 'param_scheduler', 'train_cfg',
                'train_dataloader', 'test_dataloader', 'val_evaluator'):
        assert cfg[key] == baseline[key], key
    teacher = load(repo, 'x1')
    assert 'shuffledet_x1_kitti' in cfg.model.teachers.x1.cfg
    assert teacher.model.backbone.stem_channels == 16
    for key in ('test_dataloader', 'train_dataloader', 'optim_wrapper'):
        assert teacher[key] == baseline[key], key


def test_schedule_is_the_published_cosine(repo):
    """Within the 20 steps by which 345 epochs are longer than 40,000."""
    cfg = load(repo, 'x05')
    parameter = torch.nn.Parameter(torch.zeros(1))
    wrapper = build_optim_wrapper(torch.nn.ParameterList([parameter]),
                                  dict(cfg.optim_wrapper, paramwise_cfg=None))
    (scheduler, ) = (PARAM_SCHEDULERS.build(
        s, default_args=dict(optimizer=wrapper, epoch_length=116))
                     for s in cfg.param_scheduler)
    assert not scheduler.by_epoch and 345 * 116 == 40_020
    for step in range(40_020):
        if step % 4000 == 0:
            share = .5 * (1 + math.cos(math.pi * step / 40_000))
            published = .02 * ((1 - 1e-7) * share + 1e-7)
            assert wrapper.get_lr()['lr'][0] == pytest.approx(
                published, abs=2e-5)
        # The scheduler only asks whether there was a step.
        wrapper.optimizer._opt_called = True
        scheduler.step()
    assert wrapper.get_lr()['lr'][0] == pytest.approx(2e-9, rel=1e-3)


def test_two_kernels_decay_and_nothing_else(repo, tmp_path):
    cfg = load(repo, 'x025_imitation')
    model = MODELS.build(cfg.model)
    wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    names = {id(p): name for name, p in model.named_parameters()}
    decaying = {
        names[id(p)]: decay for group, decay in zip(
            wrapper.optimizer.param_groups, wrapper.decays, strict=True)
        if decay for p in group['params']
    }
    assert decaying == {
        'student.bbox_head.conv_det.weight': 5e-4,
        'distiller.losses.loss_imitation.connector.0.0.weight': 5e-4
    }
    assert wrapper.max_norm == 1


def frame(tmp_path, boxes=((100., 200., 300., 350.), )):
    path = tmp_path / 'image_2/000123.png'
    path.parent.mkdir(exist_ok=True)
    gradient = np.arange(1224, dtype=np.float32) % 200 + 20
    image = np.repeat(np.repeat(gradient[None], 370, 0)[..., None], 3, 2)
    cv2.imwrite(str(path), image.astype(np.uint8))
    return dict(
        img_path=str(path), img_id=123, instances=[
            dict(bbox=list(box), bbox_label=0, ignore_flag=0) for box in boxes
        ])


def run(pipeline, sample):
    for step in pipeline:
        sample = TRANSFORMS.build(step)(sample)
    return sample


def test_the_network_sees_1248_by_384_without_rounding(repo, tmp_path):
    cfg = load(repo, 'x1')
    preprocessor = MODELS.build(cfg.model.data_preprocessor)
    for loader in (cfg.train_dataloader, cfg.val_dataloader):
        packed = run(loader.dataset.pipeline, frame(tmp_path))
        out = preprocessor(pseudo_collate([packed]))
        assert out['inputs'].shape == (1, 3, 384, 1248)
        assert out['data_samples'][0].img_shape == (384, 1248)
    # The test pipeline: resized in float32, less the means in BGR.
    expected = cv2.resize(
        cv2.imread(frame(tmp_path)['img_path']).astype(np.float32),
        (1248, 384)) - np.array([103.939, 116.779, 123.68], np.float32)
    np.testing.assert_allclose(out['inputs'][0].permute(1, 2, 0), expected,
                               atol=1e-4)
    assert out['data_samples'][0].scale_factor == (1248 / 1224, 384 / 370)


def test_what_drifts_in_is_0_after_normalisation(repo, tmp_path):
    cfg = load(repo, 'x1')
    preprocessor = MODELS.build(cfg.model.data_preprocessor)
    np.random.seed(0)
    seen = 0
    for _ in range(12):
        packed = run(cfg.train_dataloader.dataset.pipeline, frame(tmp_path))
        inputs = preprocessor(pseudo_collate([packed]))['inputs'][0]
        empty = (inputs.abs() < 1e-3).all(0)
        # Whole rows at the top.
        rows = empty.all(1).nonzero()[:, 0]
        assert rows.tolist() == list(range(len(rows)))
        seen += len(rows) > 5
    assert seen


@pytest.fixture
def kitti(tmp_path):
    return write_kitti(tmp_path / 'kitti')


def first_step(repo, root, split='trainval'):
    """Losses of the tiny student on all frames of a folder."""
    cfg = Config.fromfile(
        repo / 'configs/fine_grained/shuffledet_x05_kitti_tiny.py')
    options = dict(cfg.train_dataloader.dataset, data_root=str(root),
                   split=split)
    options.pop('ann_file')
    dataset = DATASETS.build(options)
    model = MODELS.build(cfg.model).train()
    batch = pseudo_collate([dataset[i] for i in range(len(dataset))])
    return dataset, model(**model.data_preprocessor(batch, True), mode='loss')


def test_frames_without_an_object_of_the_classes(repo, kitti):
    """An empty file, and one with others alone: all of it background."""
    folder = kitti / 'training/label_2'
    for path in folder.glob('*.txt'):
        path.write_text('')
    (folder / '000002.txt').write_text(
        'Van 0.10 1 -1.50 10.00 30.00 60.00 70.00 2.10 1.90 5.10 '
        '-7.00 1.50 12.00 -2.00\n')
    dataset, losses = first_step(repo, kitti)
    assert len(dataset) == 4
    assert losses['loss_cls'] == losses['loss_bbox'] == 0
    assert losses['loss_conf'].isfinite() and losses['loss_conf'] > 0


def test_objects_across_the_edge_train(repo, kitti):
    """Where the published program stops with an assertion: x1 below 0."""
    (kitti / 'training/label_2/000001.txt').write_text(
        'Car 0.55 0 -1.90 -6.00 30.00 319.00 99.00 1.40 1.60 3.80 '
        '3.80 1.20 5.00 -1.25\n')
    _, losses = first_step(repo, kitti)
    assert all(value.isfinite() for value in losses.values())


def test_boxes_that_end_before_they_begin_are_refused(repo, kitti):
    path = kitti / 'training/label_2/000001.txt'
    path.write_text('Car 0.55 0 -1.90 60.00 30.00 20.00 99.00 1.40 1.60 3.80 '
                    '3.80 1.20 5.00 -1.25\n')
    with pytest.raises(CorruptSampleError,
                       match=f'{path}: line 1: the box ends before'):
        first_step(repo, kitti)


def test_hard_objects_count(repo, kitti):
    """None is ignored for being hidden or small."""
    dataset, _ = first_step(repo, kitti)
    names = dataset.metainfo['classes']
    found = [(names[i['bbox_label']], i['ignore_flag'])
             for i in dataset.get_data_info(2)['instances']]
    # Hidden to the most.
    assert ('Pedestrian', 0) in found


def test_mmdets_inferencer_reads_the_config(repo, tmp_path):
    path = str(tmp_path / 'img.png')
    cv2.imwrite(path, np.full((188, 621, 3), 200, np.uint8))
    inferencer = DetInferencer(
        str(repo / 'configs/fine_grained/shuffledet_x05_kitti_tiny.py'),
        device='cpu')
    found = inferencer(path, no_save_vis=True)['predictions'][0]
    assert 0 < len(found['scores']) == len(found['bboxes']) <= 64
    assert np.max(found['bboxes'], 0)[2] <= 621.01


def test_a_class_without_detections_has_an_ap_of_0(kitti):
    """Not -1, and not left out of the mean."""
    with DefaultScope.overwrite_default_scope('mmdet'):
        metric = METRICS.build(
            dict(type='mmxkd.KittiMetric2D',
                 label_dir=str(kitti / 'training/label_2')))
    metric.dataset_meta = dict(classes=('Car', 'Pedestrian', 'Cyclist'))
    empty = dict(bboxes=torch.zeros(0, 4), scores=torch.zeros(0),
                 labels=torch.zeros(0, dtype=torch.long))
    metric.process({}, [
        dict(img_path=f'{i:06}.png', ori_shape=(96, 320), pred_instances=empty)
        for i in range(4)
    ])
    found = metric.evaluate(4)
    own = {k: v for k, v in found.items() if 'AP40_moderate_strict' in k}
    assert len(own) >= 3 and set(own.values()) == {0}
