"""Ignored boxes steer no crop."""
import numpy as np
import pytest
import torch
from mmdet.registry import TRANSFORMS
from mmdet.structures.bbox import HorizontalBoxes
from mmengine.config import Config
from mmengine.registry import init_default_scope

BOXES = [[10., 10., 30., 30.], [5., 5., 25., 35.], [0., 0., 9., 9.]]


def sample(ignored):
    return dict(img=np.zeros((60, 80, 3), np.uint8), img_shape=(60, 80),
                gt_bboxes=HorizontalBoxes(torch.tensor(BOXES)),
                gt_bboxes_labels=np.array([3, 5, 7]),
                gt_ignore_flags=np.array(ignored, bool))


@pytest.mark.parametrize('ignored, kept', [
    ([0, 1, 0], [0, 2]),
    ([0, 0, 0], [0, 1, 2]),
    ([1, 1, 1], []),
])
def test_they_go_with_all_that_is_of_them(ignored, kept):
    found = TRANSFORMS.build(dict(type='mmxkd.DropIgnoredBoxes'))(
        sample(ignored))
    assert torch.equal(found['gt_bboxes'].tensor, torch.tensor(BOXES)[kept])
    assert found['gt_bboxes_labels'].tolist() == [[3, 5, 7][k] for k in kept]
    assert found['gt_ignore_flags'].tolist() == [False] * len(kept)


def test_voc_trains_without_them_and_is_tested_with_them(repo):
    init_default_scope('mmdet')
    cfg = Config.fromfile(repo / 'configs/_base_/datasets/voc0712.py')
    names = [step['type'] for step in cfg.train_dataloader.dataset.pipeline]
    assert names.index('LoadAnnotations') + 1 == names.index(
        'mmxkd.DropIgnoredBoxes') < names.index('mmxkd.MinIoURandomCrop')
    for loader in (cfg.val_dataloader, cfg.test_dataloader):
        assert 'mmxkd.DropIgnoredBoxes' not in [
            step['type'] for step in loader.dataset.pipeline
        ]


def test_pictures_without_any_other_are_augmented(repo):
    init_default_scope('mmdet')
    cfg = Config.fromfile(repo / 'configs/_base_/datasets/voc0712.py')
    np.random.seed(0)
    for _ in range(20):
        found = sample([1, 1, 1])
        # Between loading and packing.
        for step in cfg.train_dataloader.dataset.pipeline[2:-1]:
            found = TRANSFORMS.build(step)(found)
        assert found['img'].shape == (300, 300, 3)
        assert len(found['gt_bboxes']) == 0
