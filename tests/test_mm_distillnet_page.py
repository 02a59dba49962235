"""The config that docs/mm_distillnet.md shows for a teacher on own data."""
import json

import cv2
import numpy as np
import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmxkd.registry import DATASETS, METRICS
from tests.helpers.pages import write_files

NAME = 'configs/mm_distillnet/teacher_rgb_own.py'


@pytest.fixture
def own(tmp_path):
    """Two pictures, each with a car, as a plain COCO file lists them."""
    root = tmp_path / 'own'
    for folder in ('images', 'annotations'):
        (root / folder).mkdir(parents=True)
    images = [
        dict(id=k, file_name=f'{k}.jpg', width=120, height=60) for k in (1, 2)
    ]
    for image in images:
        cv2.imwrite(str(root / 'images' / image['file_name']),
                    np.full((60, 120, 3), 90, np.uint8))
    boxes = [
        dict(id=k, image_id=k, category_id=1, bbox=[10, 20, 30, 15], area=450,
             iscrowd=0) for k in (1, 2)
    ]
    for split in ('train', 'val'):
        (root / f'annotations/{split}.json').write_text(
            json.dumps(
                dict(images=images, annotations=boxes,
                     categories=[dict(id=1, name='car')])))
    return root


def test_a_teacher_on_a_plain_coco_file(repo, own, tmp_path):
    page = repo / 'docs/mm_distillnet.md'
    cfg = Config.fromfile(write_files(page, tmp_path)[NAME])
    init_default_scope(cfg.default_scope)
    assert cfg.val_dataloader.dataset == cfg.test_dataloader.dataset
    for split in ('train', 'val'):
        dataset = cfg[f'{split}_dataloader'].dataset
        assert dataset.data_root == 'data/own/'
        dataset.data_root = str(own)
        built = DATASETS.build(dataset)
        assert len(built) == 2 and built.metainfo['classes'] == ('car', )
        packed = built[0]
        assert packed['inputs']['img'].shape == (3, 384, 768)
        sample = packed['data_samples']
        assert sample.scale_factor == pytest.approx((6.4, 6.4))
        (box, ) = sample.gt_instances.bboxes.numpy().tolist()
        # Of the original picture in a test, as mmdet's metrics expect it.
        assert [box[1], box[3]
                ] == pytest.approx([20, 35] if split == 'val' else [128, 224])
    cfg.val_evaluator.ann_file = str(own / 'annotations/val.json')
    assert METRICS.build(cfg.val_evaluator).metrics == ['bbox']
    (schedule, ) = cfg.param_scheduler
    assert schedule.monitor == cfg.default_hooks.checkpoint.save_best == (
        'coco/bbox_mAP')
