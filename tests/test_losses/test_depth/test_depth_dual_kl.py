import math

import pytest
import torch

from mmxkd.losses import DepthDualKLLoss, DualKLLoss
from mmxkd.registry import MODELS
from tests.helpers.feature_maps import drawn

BINS = dict(rule='ud', near=2., far=10., number=4)


def with_depth(classes=4):
    logits = drawn(2, classes, 4, 8, seed=5)
    depth = drawn(2, 4, 8, seed=6).sigmoid() * 12
    return logits, depth


@pytest.mark.parametrize('uncertainty', ['hard', 'easy', 'entropy'])
@pytest.mark.parametrize('exclude', [True, False])
@pytest.mark.parametrize('classes', [4, 5])
def test_depth_gives_the_weight(uncertainty, exclude, classes):
    student, teacher = drawn(2, 3, 4, 8), drawn(2, 3, 4, 8, seed=1)
    logits, depth = with_depth(classes)
    valid = (depth >= 2) & (depth < 10)
    assert 0 < (~valid).sum() < 32
    p = logits.softmax(1)
    target = ((depth - 2) / 2).long().clamp(0, 3)[:, None]
    of_target, entropy = p.gather(1, target)[:, 0], -(p * p.log()).sum(1)
    weight = dict(hard=1 - of_target, easy=of_target,
                  entropy=entropy / math.log(classes))[uncertainty]
    found = DepthDualKLLoss(BINS, uncertainty, exclude)(student, teacher,
                                                        logits, depth)
    expected = DualKLLoss()(student, teacher, weight * valid,
                            valid if exclude else None)
    assert found.item() == pytest.approx(expected.item(), rel=1e-10)


def test_fades_as_the_depth_branch_converges():
    student, teacher = drawn(2, 3, 4, 8), drawn(2, 3, 4, 8, seed=1)
    _, depth = with_depth()
    loss = DepthDualKLLoss(BINS)
    target = loss.bins.target(depth).clamp(max=3)
    right = torch.nn.functional.one_hot(target, 4).movedim(-1, 1).double()
    values = [
        loss(student, teacher, s * right, depth).item()
        for s in (0., 3., 6., 50.)
    ]
    assert values == sorted(values, reverse=True)
    assert values[0] > 0.01 and values[3] < 1e-12


def test_no_depth_at_all_is_0_with_a_gradient_path():
    student = drawn(2, 3, 4, 8).requires_grad_()
    logits, depth = with_depth()
    for exclude in (True, False):
        value = DepthDualKLLoss(BINS, exclude_invalid=exclude)(
            student, drawn(2, 3, 4, 8, seed=1), logits, 0 * depth)
        value.backward()
        assert value.item() == 0 and (student.grad == 0).all()


def test_depth_branch_gets_no_gradient():
    logits, depth = with_depth()
    logits.requires_grad_()
    DepthDualKLLoss(BINS)(drawn(2, 3, 4, 8).requires_grad_(),
                          drawn(2, 3, 4, 8, seed=1), logits, depth).backward()
    assert logits.grad is None


def test_three_levels_of_a_map():
    sizes = [(4, 8), (2, 4), (1, 2)]
    student = [drawn(2, 3, *s) for s in sizes]
    teacher = [drawn(2, 3, *s, seed=1) for s in sizes]
    logits, depth = with_depth()
    loss = DepthDualKLLoss(BINS)
    levels = loss.levels(student, teacher, logits, depth)
    # Cells are weighed by the mean over those pixels that have a depth.
    target = loss.bins.target(depth)
    p = logits.softmax(1).gather(1, target.clamp(max=3)[:, None])[:, 0]
    weights = []
    for k in (1, 2, 4):
        cells = (1 - p).reshape(2, 4 // k, k, 8 // k, k)
        known = (target < 4).reshape(2, 4 // k, k, 8 // k, k).double()
        weights.append((cells * known).sum((2, 4)) / known.sum(
            (2, 4)).clamp(min=1))
    expected = DualKLLoss().levels(student, teacher, weights)
    assert [v.item()
            for v in levels] == pytest.approx([v.item() for v in expected],
                                              rel=1e-10)


def test_unknown_options_of_the_depth_side_are_refused():
    with pytest.raises(ValueError, match="uncertainty='soft'"):
        DepthDualKLLoss(uncertainty='soft')
    with pytest.raises(ValueError, match="downsample='mean'"):
        DepthDualKLLoss(downsample='mean')


def test_options_of_dual_kl_are_handed_on():
    loss = MODELS.build(
        dict(type='DepthDualKLLoss', softmax='channel', mu=0.2,
             level_weights=[2., 1.]))
    assert (loss.softmax, loss.mu, loss.level_weights) == ('channel', 0.2,
                                                           [2., 1.])
    with pytest.raises(TypeError, match="'temp'"):
        DepthDualKLLoss(temp=2.)
