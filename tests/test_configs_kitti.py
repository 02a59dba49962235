"""The shipped configs of KITTI's 2-D benchmark."""
import cv2
import numpy as np
import pytest
import torch
from mmdet.apis import DetInferencer
from mmdet.registry import TASK_UTILS, TRANSFORMS
from mmengine.config import Config
from mmengine.registry import DATASETS, init_default_scope
from mmengine.structures import InstanceData

NAMES = ['faster-rcnn_r50_fpn_kitti', 'faster-rcnn_r50_fpn_kitti_tiny']


@pytest.fixture(params=NAMES)
def cfg(request, repo) -> Config:
    init_default_scope('mmdet')
    return Config.fromfile(repo / f'configs/kitti/{request.param}.py')


@pytest.mark.parametrize('stage', ['rpn', 'rcnn'])
def test_ignored_regions_are_no_background(cfg, stage):
    """A box in a DontCare region, one beside it, and one on a car."""
    assigner = TASK_UTILS.build(cfg.model.train_cfg[stage].assigner)
    boxes = torch.tensor([[12., 12., 28., 38.], [200., 10., 230., 40.],
                          [101., 101., 160., 140.]])
    found = assigner.assign(
        InstanceData(priors=boxes),
        InstanceData(bboxes=torch.tensor([[100., 100., 160., 140.]]),
                     labels=torch.tensor([0])),
        InstanceData(bboxes=torch.tensor([[10., 10., 30., 40.]])))
    assert found.gt_inds.tolist() == [-1, 0, 1]


def test_classes_and_frames(cfg):
    dataset = DATASETS.build(
        dict(cfg.train_dataloader.dataset, lazy_init=True, pipeline=[]))
    head = cfg.model.roi_head.bbox_head
    assert head.num_classes == len(dataset.metainfo['classes']) == 3
    assert not dataset.test_mode and cfg.val_dataloader.dataset.test_mode


def test_images_keep_their_size(repo, tmp_path):
    """Nearly: KITTI's have several sizes."""
    init_default_scope('mmdet')
    cfg = Config.fromfile(repo / f'configs/kitti/{NAMES[0]}.py')
    for width, height in ((1242, 375), (1224, 370), (1238, 374)):
        path = str(tmp_path / 'image_2/000123.png')
        (tmp_path / 'image_2').mkdir(exist_ok=True)
        cv2.imwrite(path, np.zeros((height, width, 3), np.uint8))
        frame = dict(
            img_path=path, img_id=123, instances=[
                dict(bbox=[100., 200., 300., 350.], bbox_label=0,
                     ignore_flag=0)
            ])
        for loader in (cfg.train_dataloader, cfg.val_dataloader):
            sample = dict(frame)
            for step in loader.dataset.pipeline:
                sample = TRANSFORMS.build(step)(sample)
            assert 374 <= sample['inputs'].shape[1] <= 375
            assert 1240 <= sample['inputs'].shape[2] <= 1242
            meta = sample['data_samples'].metainfo
            assert meta['ori_shape'] == (height, width)
            assert meta['img_path'] == path


def test_mmdets_inferencer_reads_the_config(repo, tmp_path):
    path = str(tmp_path / 'img.png')
    cv2.imwrite(path, np.full((188, 621, 3), 200, np.uint8))
    inferencer = DetInferencer(str(repo / f'configs/kitti/{NAMES[1]}.py'),
                               device='cpu')
    found = inferencer(path, no_save_vis=True)['predictions'][0]
    assert len(found['scores']) == len(found['bboxes'])
