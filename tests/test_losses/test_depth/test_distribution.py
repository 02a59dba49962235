import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mmxkd.losses import DepthDistributionLoss
from mmxkd.registry import MODELS

BINS = dict(rule='ud', near=2., far=10., number=4)


def samples(*boxes, input_shape=(32, 64)):
    return [
        SimpleNamespace(
            metainfo=dict(batch_input_shape=input_shape),
            gt_instances=SimpleNamespace(
                bboxes=torch.tensor(b, dtype=torch.float32).reshape(-1, 4)))
        for b in boxes
    ]


def drawn(classes=4, seed=0):
    """Logits, depths of which a third is missing, and data samples."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(2, classes, 4, 8, generator=generator).double()
    depth = torch.rand(2, 4, 8, generator=generator).double() * 12
    depth[torch.rand(2, 4, 8, generator=generator) < 0.3] = 0
    return logits, depth, samples([[8, 8, 31, 23]],
                                  [[0, 0, 7, 31], [40, 0, 63, 15]])


def slow(logits, depth, boxes, kind='ce', foreground=13., background=1.):
    """Pixel by pixel: bins of 2 m from 2 m on, boxes in cells of 8 pixels."""
    n, classes, height, width = logits.shape
    total, weights = 0., 0.
    for k in range(n):
        for y in range(height):
            for x in range(width):
                d = depth[k, y, x].item()
                target = math.floor((d - 2) / 2) if 2 <= d < 10 else 4
                if target >= classes:
                    continue
                p = logits[k, :, y, x].softmax(0)[target].item()
                value = -math.log(p)
                if kind == 'focal':
                    value *= 0.25 * (1 - p)**2
                inside = any(x1 <= 8 * x + 4 <= x2 and y1 <= 8 * y + 4 <= y2
                             for x1, y1, x2, y2 in boxes[k].tolist())
                weight = foreground if inside else background
                total += weight * value
                weights += weight
    return total / weights


@pytest.mark.parametrize('kind', ['ce', 'focal'])
@pytest.mark.parametrize('classes', [4, 5])
def test_against_a_slow_loop(kind, classes):
    logits, depth, ground_truth = drawn(classes)
    boxes = [s.gt_instances.bboxes for s in ground_truth]
    value = DepthDistributionLoss(BINS, kind)(logits, depth, ground_truth)
    assert value.item() == pytest.approx(slow(logits, depth, boxes, kind),
                                         rel=1e-12)


def test_by_hand():
    """Two valid pixels, one in the box: (13 ln 4 + 1 ln 2) / 14."""
    logits = torch.zeros(1, 4, 1, 3)
    logits[0, :, 0, 2] = torch.tensor([0., math.log(3.), -9e9, -9e9])
    depth = torch.tensor([[[3., 0., 3.]]])
    logits[0, 1, 0, 2] = 0.
    loss = DepthDistributionLoss(BINS)
    value = loss(logits, depth, samples([[0, 0, 10, 32]],
                                        input_shape=(32, 96)))
    assert value.item() == pytest.approx((13 * math.log(4) + math.log(2)) / 14,
                                         rel=1e-6)


def test_is_that_of_the_loss_of_torch():
    logits, depth, _ = drawn()
    loss = DepthDistributionLoss(BINS, foreground_weight=1.)
    expected = nn.functional.cross_entropy(logits, loss.bins.target(depth),
                                           ignore_index=4)
    assert loss(logits, depth).item() == pytest.approx(expected.item(),
                                                       rel=1e-12)


def test_no_valid_pixel_is_0_with_a_gradient_path():
    logits = torch.randn(2, 4, 4, 8, requires_grad=True)
    _, _, ground_truth = drawn()
    value = DepthDistributionLoss(BINS)(logits, torch.zeros(2, 4, 8),
                                        ground_truth)
    value.backward()
    assert value.item() == 0
    assert (logits.grad == 0).all()


def test_pixels_without_depth_are_not_read():
    logits, depth, ground_truth = drawn()
    other = logits.clone()
    other.movedim(1, -1)[~((depth >= 2) & (depth < 10))] = 50.
    loss = DepthDistributionLoss(BINS)
    assert loss(logits, depth, ground_truth) == loss(other, depth,
                                                     ground_truth)


def test_missing_depth_is_a_class_of_its_own_where_there_is_a_channel():
    logits = torch.zeros(1, 5, 1, 2)
    logits[0, 4] = 20.  # sure of "no depth"
    loss = DepthDistributionLoss(BINS, foreground_weight=1.)
    assert loss(logits, torch.zeros(1, 1, 2)).item() < 1e-6
    assert loss(logits, torch.full((1, 1, 2), 3.)).item() > 10


def test_maps_at_the_size_of_the_input():
    logits, depth, ground_truth = drawn()
    large = torch.zeros(2, 1, 32, 64).double()
    large[:, 0, 5::8, 3::8] = depth
    loss = DepthDistributionLoss(BINS)
    assert loss(logits, large, ground_truth) == loss(logits, depth,
                                                     ground_truth)


def test_perfect_prediction_is_0():
    _, depth, ground_truth = drawn()
    loss = DepthDistributionLoss(BINS)
    target = loss.bins.target(depth).clamp(max=3)
    logits = 60. * nn.functional.one_hot(target, 4).movedim(-1, 1).float()
    logits.requires_grad_()
    for kind in ('ce', 'focal'):
        value = DepthDistributionLoss(BINS, kind)(logits, depth, ground_truth)
        value.backward()
        assert value.item() == pytest.approx(0, abs=1e-6)
        assert logits.grad.isfinite().all()


def test_defaults():
    loss = MODELS.build(dict(type='DepthDistributionLoss'))
    assert repr(loss.bins) == "DepthBins('rpd', near=5.0, far=80.0, number=80)"
    assert loss.weights == (13., 1.)


@pytest.mark.parametrize('options, message', [
    (dict(kind='l1'), "kind='l1', expected one of .*'focal'"),
    (dict(downsample='mean'), "downsample='mean'"),
    (dict(kind='focal', gamma=0.5), 'gamma=0.5'),
    (dict(bins=dict(rule='no')), "rule='no'"),
    (dict(bins=dict(rle='ud')), "bins.rle is unknown.*'rule'"),
    (dict(foreground_weight=-1.), 'foreground_weight=-1'),
    (dict(background_weight=float('nan')), 'background_weight=nan'),
])
def test_unknown_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        DepthDistributionLoss(**options)


def test_boxes_are_needed_for_different_weights():
    logits, depth, _ = drawn()
    with pytest.raises(ValueError, match='needs batch_data_samples'):
        DepthDistributionLoss(BINS)(logits, depth)
