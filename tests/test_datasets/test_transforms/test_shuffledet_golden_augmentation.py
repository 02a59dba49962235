"""ShuffleDet's augmentation against the published program, run once."""
import cv2
import numpy as np
import pytest
import torch
from mmdet.structures.bbox import HorizontalBoxes, bbox_overlaps
from mmengine.structures import InstanceData

from mmxkd.datasets.transforms import (
    RandomDrift,
    Resize,
    ShuffleDetFlip,
    ShuffleDetPhotometric,
)
from mmxkd.losses import imitation_mask
from mmxkd.registry import TASK_UTILS
from tests.helpers.golden_shuffledet import to_centres, to_corners

MEAN = np.array([103.939, 116.779, 123.68])


@pytest.fixture(scope='module')
def golden(shared_data):
    return np.load(shared_data / 'shuffledet_golden/shuffledet_augment.npz',
                   allow_pickle=False)


def augment(golden, case, legacy):
    """With the draws of a case in place of random ones."""
    brightness, contrast, saturation, dy, dx, flip = golden[f'{case}_draws']
    colours = ShuffleDetPhotometric(legacy_bugs=legacy)
    # In float64, as the golden boxes.
    corners = to_corners(golden['gt_cxcywh_cls'][:, :4], torch.float64)
    sample = dict(
        img=colours.change(golden['image_u8'], int(brightness), contrast,
                           saturation), gt_bboxes=HorizontalBoxes(corners))
    sample['img_shape'] = sample['img'].shape[:2]
    sample = RandomDrift(fill=MEAN).drift(sample, int(dx), int(dy))
    sample = ShuffleDetFlip(prob=float(flip), legacy_bugs=legacy)(sample)
    return Resize(scale=(160, 96))(sample)


@pytest.mark.parametrize('case', ['c0', 'c1', 'c2', 'c3'])
def test_legacy_rules(golden, case):
    sample = augment(golden, case, legacy=True)
    boxes = sample['gt_bboxes'].tensor
    np.testing.assert_allclose(to_centres(boxes), golden[f'{case}_boxes'],
                               rtol=0, atol=1e-5)
    image = sample['img'] - MEAN
    np.testing.assert_allclose(image[::4, ::4], golden[f'{case}_image_every4'],
                               rtol=0, atol=1e-3)
    np.testing.assert_allclose([image.sum(), np.abs(image).sum()],
                               golden[f'{case}_image_sum_abs'], rtol=1e-6)
    anchors = TASK_UTILS.build(dict(
        type='mmxkd.SqueezeDetAnchorGenerator')).grid_priors([(6, 10)],
                                                             device='cpu')[0]
    labels = torch.from_numpy(golden['gt_cxcywh_cls'][:, 4]).long()
    owner = TASK_UTILS.build(dict(type='mmxkd.OnePriorAssigner')).assign(
        InstanceData(priors=anchors), InstanceData(bboxes=boxes,
                                                   labels=labels)).gt_inds
    priors = [(owner == k + 1).nonzero().item() for k in range(3)]
    theirs = golden[f'{case}_prior'].tolist()
    if case == 'c1':
        # The first box lies in the middle between two rows of anchors: both
        # are equally good, and an unstable sort took the other one.
        iou = bbox_overlaps(boxes[:1].float(), anchors[[priors[0], theirs[0]]])
        assert iou[0, 0].item() == pytest.approx(iou[0, 1].item(), abs=1e-6)
        assert priors.pop(0) > theirs[0]
        priors = [theirs[0], *priors]
    assert priors == theirs
    deltas = TASK_UTILS.build(dict(type='mmxkd.SqueezeDetBBoxCoder')).encode(
        anchors[priors], boxes)
    np.testing.assert_allclose(deltas, golden[f'{case}_delta'], rtol=0,
                               atol=1e-5)
    mask = imitation_mask([anchors], [boxes.float()], [(6, 10)])[0]
    assert (mask[0, 0].numpy() == golden[f'{case}_mask']).all()


def test_without_the_faults_the_second_row_is_a_row_like_others(golden):
    """And the saturation changes where there is colour, the boxes mirror."""
    case = 'c2'
    legacy, own = (augment(golden, case, legacy) for legacy in (True, False))
    torch.testing.assert_close(
        own['gt_bboxes'].tensor - legacy['gt_bboxes'].tensor,
        torch.tensor([[160 / 137, 0, 160 / 137, 0]] * 3, dtype=torch.float64))
    _, _, factor = golden[f'{case}_draws'][:3]
    image = ShuffleDetPhotometric().change(golden['image_u8'], 0, 1., factor)
    before, after = (cv2.cvtColor(i.astype(np.uint8), cv2.COLOR_BGR2HSV)
                     for i in (golden['image_u8'], image))
    # Dark colours have few saturations, which 8 bits round far apart.
    bright = before[..., 2] > 60
    assert bright.mean() > .3
    np.testing.assert_allclose(after[bright, 1], before[bright, 1] * factor,
                               atol=6)
    np.testing.assert_allclose(after[..., 2], before[..., 2], atol=1)
