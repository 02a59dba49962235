import math
from itertools import product

import pytest
import torch

from mmxkd.losses import DepthDualKLLoss, DualKLLoss, dual_kl
from mmxkd.losses.dual_kl import equal_share, head_share
from mmxkd.registry import MODELS
from tests.helpers.feature_maps import drawn

ALL = list(product(('spatial', 'channel'), ('equalise', 'akl', 'fixed')))
every_option = pytest.mark.parametrize('softmax, balance', ALL)


def softmax_of(values):
    top = max(values)
    exponentials = [math.exp(v - top) for v in values]
    return [e / sum(exponentials) for e in exponentials]


def kl(p, q):
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a)


def akl_share(p, q, mu=0.5):
    """Entry by entry, from the least probable one."""
    mass = head = tail = 0.
    for i in sorted(range(len(p)), key=p.__getitem__):
        mass += p[i]
        if mass > mu:
            head += abs(p[i] - q[i])
        else:
            tail += abs(p[i] - q[i])
    return head / (head + tail)


def slow(student, teacher, weight, mask, softmax, balance, tau):
    """All loops; weight and mask (N, H, W) at the size of the level."""
    n, c, height, width = student.shape
    cells = [(y, x) for y in range(height) for x in range(width)]
    rows = []  # P, Q and the weight of each distribution
    for k in range(n):
        inside = [cell for cell in cells if mask[k][cell]]
        if softmax == 'spatial':
            for channel in range(c):
                p, q = (softmax_of([
                    (weight[k][cell] * f[k, channel][cell]).item() / tau
                    for cell in inside
                ]) for f in (teacher, student))
                rows.append((p, q, 1 / (n * c)))
        else:
            for y, x in inside:
                p, q = (softmax_of(
                    [f[k, i, y, x].item() / tau for i in range(c)])
                        for f in (teacher, student))
                rows.append((p, q, weight[k, y, x].item()))
    total = sum(w for *_, w in rows)
    if balance == 'akl':
        value = 0.
        for p, q, w in rows:
            share = akl_share(p, q)
            value += w * (share * kl(p, q) + (1 - share) * kl(q, p)) / total
        return value * tau**2
    forward = sum(w * kl(p, q) for p, q, w in rows) / total
    reverse = sum(w * kl(q, p) for p, q, w in rows) / total
    if balance == 'fixed':
        return tau**2 * (forward + reverse) / 2
    return tau**2 * 2 * forward * reverse / (forward + reverse)


@every_option
@pytest.mark.parametrize('tau', [1., 2.5])
def test_against_a_slow_loop(softmax, balance, tau):
    student, teacher = (drawn(2, 3, 4, 5, seed=i) for i in (0, 1))
    weight = drawn(2, 4, 5, seed=2).sigmoid()
    mask = drawn(2, 4, 5, seed=3) > -0.5
    loss = DualKLLoss(softmax, balance, tau)
    assert loss(student, teacher, weight, mask).item() == pytest.approx(
        slow(student, teacher, weight, mask, softmax, balance, tau), rel=1e-10)
    ones = torch.ones(2, 4, 5)
    assert loss(student, teacher).item() == pytest.approx(
        slow(student, teacher, ones, ones, softmax, balance, tau), rel=1e-10)


def test_by_hand():
    """P = (3/4, 1/4), Q = (1/2, 1/2)."""
    teacher = torch.tensor([math.log(3.), 0.]).reshape(1, 1, 1, 2)
    student = torch.zeros(1, 1, 1, 2)
    forward = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    reverse = 0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(2.)
    expected = dict(
        fixed=(forward + reverse) / 2,
        equalise=2 * forward * reverse / (forward + reverse),
        # Head and tail are one entry each, off by 1/4 each.
        akl=(forward + reverse) / 2)
    for balance, value in expected.items():
        assert DualKLLoss(balance=balance)(student,
                                           teacher).item() == pytest.approx(
                                               value, rel=1e-5)


def test_levels_are_summed_by_default():
    student = [drawn(2, 3, 4, 4), drawn(2, 3, 2, 2)]
    teacher = [drawn(2, 3, 4, 4, seed=1), drawn(2, 3, 2, 2, seed=1)]
    one, two = (v.item() for v in DualKLLoss().levels(student, teacher))
    assert DualKLLoss()(student, teacher).item() == pytest.approx(one + two)
    assert DualKLLoss(level_weights=[2., 1.], level_reduction='mean')(
        student, teacher).item() == pytest.approx(one + two / 2)


# The properties (a) to (e) of the method.


@every_option
def test_a_not_negative_and_0_only_where_distributions_agree(softmax, balance):
    loss = DualKLLoss(softmax, balance)
    teacher = drawn(2, 3, 4, 5)
    for seed in range(20):
        student = teacher + 0.1 * drawn(2, 3, 4, 5, seed=seed + 1)
        assert loss(student, teacher) > 1e-5
    assert loss(teacher, teacher).item() == 0
    # A constant that the softmax does not see.
    shift = drawn(2, 3, 1, 1) if softmax == 'spatial' else drawn(2, 1, 4, 5)
    assert loss(teacher + shift, teacher).item() == pytest.approx(0, abs=1e-12)


def test_a_weighted_features_that_agree_up_to_a_constant_are_equal():
    weight = drawn(2, 1, 4, 5).sigmoid()
    teacher = drawn(2, 3, 4, 5, seed=1)
    student = teacher + drawn(2, 3, 1, 1, seed=2) / weight
    assert DualKLLoss()(student, teacher,
                        weight).item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize('balance', ['equalise', 'akl', 'fixed'])
def test_b_weight_0_everywhere_gives_0_and_no_gradient(balance):
    for softmax in ('spatial', 'channel'):
        student = drawn(2, 3, 4, 5).requires_grad_()
        value = DualKLLoss(softmax, balance)(student,
                                             drawn(2, 3, 4, 5, seed=1),
                                             torch.zeros(2, 4, 5))
        value.backward()
        assert value.item() == 0
        assert (student.grad == 0).all()


def test_b_fades_with_the_weight():
    student, teacher = drawn(2, 3, 4, 5), drawn(2, 3, 4, 5, seed=1)
    weight = drawn(2, 1, 4, 5, seed=2).sigmoid()
    values = [
        DualKLLoss()(student, teacher, weight * f).item()
        for f in (1., 0.5, 0.1, 0.01)
    ]
    assert values == sorted(values, reverse=True)
    # By the square of the weight, as a KL of small logits.
    assert values[3] == pytest.approx(values[2] / 100, rel=0.1)


def test_c_equalise_makes_both_terms_equal():
    for seed in range(5):
        forward, reverse = drawn(2, seed=seed).exp().unbind()
        share = equal_share(forward, reverse)
        assert (share * forward).item() == pytest.approx(
            ((1 - share) * reverse).item(), rel=1e-12)
        value = share * forward + (1 - share) * reverse
        assert value.item() == pytest.approx(
            (2 * forward * reverse / (forward + reverse)).item(), rel=1e-12)


def test_c_rounding_below_0_leaves_the_share_in_its_range():
    share = equal_share(torch.tensor(1e-9), torch.tensor(-1e-9))
    assert share.item() == 0
    assert equal_share(torch.tensor(0.), torch.tensor(0.)).item() == 0


@every_option
def test_d_no_gradient_to_teacher_and_weight(softmax, balance):
    student, teacher = (drawn(2, 3, 4, 5, seed=i).requires_grad_()
                        for i in (0, 1))
    weight = drawn(2, 1, 4, 5, seed=2).sigmoid().requires_grad_()
    DualKLLoss(softmax, balance)(student, teacher, weight).backward()
    assert student.grad.abs().max() > 0
    assert teacher.grad is None and weight.grad is None


@pytest.mark.parametrize('softmax', ['spatial', 'channel'])
def test_d_no_gradient_to_the_balance(softmax, monkeypatch):
    """The gradient is that of the two terms with a constant between."""
    student, teacher = drawn(2, 2, 3, 4), drawn(2, 2, 3, 4, seed=1)
    weight = drawn(2, 1, 3, 4, seed=2).sigmoid()
    for balance, name in (('equalise', 'equal_share'), ('akl', 'head_share')):
        shares, loss = [], DualKLLoss(softmax, balance)
        original = getattr(dual_kl, name)

        def keep(*args, original=original, shares=shares):
            shares.append(original(*args))
            return shares[-1]

        monkeypatch.setattr(dual_kl, name, keep)
        leaf = student.clone().requires_grad_()
        loss(leaf, teacher, weight).backward()
        assert not shares[0].requires_grad
        held = shares[0]
        monkeypatch.setattr(dual_kl, name, lambda *_, held=held: held)
        other = student.clone().requires_grad_()
        assert torch.autograd.gradcheck(
            lambda s, loss=loss: loss(s, teacher, weight), other)
        (gradient, ) = torch.autograd.grad(loss(other, teacher, weight), other)
        torch.testing.assert_close(leaf.grad, gradient)


def test_e_a_constant_of_a_channel_matters_where_the_weight_varies():
    student, teacher = drawn(2, 3, 4, 5), drawn(2, 3, 4, 5, seed=1)
    shifted = student + 3 * drawn(2, 3, 1, 1, seed=2)
    loss, weight = DualKLLoss(), drawn(2, 1, 4, 5, seed=3).sigmoid()
    assert abs(
        loss(student, teacher, weight) - loss(shifted, teacher, weight)) > 1e-2
    assert loss(student, teacher).item() == pytest.approx(
        loss(shifted, teacher).item(), rel=1e-10)
    assert loss(student, teacher,
                torch.ones(2, 4, 5)).item() == (pytest.approx(
                    loss(student, teacher).item(), rel=1e-12))


# Shares, weights and masks.


def test_head_share_by_hand():
    """Ascending: .1 .2 .3 | .4 hold .1 .3 .6 | 1 of the mass."""
    p = torch.tensor([.3, .1, .4, .2], dtype=torch.float64)
    q = torch.tensor([.3, .3, .3, .1], dtype=torch.float64)
    # |P - Q| = 0, .2, .1, .1; the head is .3 and .4 at a mass of 0.5.
    assert head_share(p, q, 0.5).item() == pytest.approx(.1 / .4)
    assert head_share(p, q, 0.7).item() == pytest.approx(.1 / .4)
    assert head_share(p, q, 0.2).item() == pytest.approx(.2 / .4)
    assert head_share(p, q, 0.05).item() == pytest.approx(1.)
    assert head_share(p, p, 0.5).item() == 0.5


def test_equal_entries_are_the_tail_in_their_order():
    """Their mass reaches mu exactly, which still is the tail."""
    p = torch.full((64, ), 1 / 64)
    q = torch.zeros(64)
    q[32:] = 2 / 64
    q[0] = 1 / 64
    assert head_share(p, q, 0.5).item() == pytest.approx(32 / 63)


@every_option
def test_masked_positions_take_no_part(softmax, balance):
    student, teacher = drawn(1, 3, 4, 6), drawn(1, 3, 4, 6, seed=1)
    mask = torch.zeros(1, 1, 4, 6, dtype=torch.bool)
    mask[..., :2] = True
    loss = DualKLLoss(softmax, balance)
    cut = loss(student[..., :2], teacher[..., :2])
    assert loss(student, teacher,
                mask=mask).item() == pytest.approx(cut.item(), rel=1e-12)
    # A weight of 0 does so over channels, but not over positions.
    same = loss(student, teacher,
                mask.double()).item() == pytest.approx(cut.item(), rel=1e-9)
    assert same == (softmax == 'channel')


@every_option
def test_an_image_that_is_masked_all_over_is_0(softmax, balance):
    student = drawn(2, 3, 4, 5).float().requires_grad_()
    mask = torch.ones(2, 1, 4, 5, dtype=torch.bool)
    mask[1] = False
    loss = DualKLLoss(softmax, balance)
    teacher = drawn(2, 3, 4, 5, seed=1).float()
    loss(student, teacher, mask=mask).backward()
    assert (student.grad[1] == 0).all() and student.grad.isfinite().all()
    assert (student.grad[0] != 0).all()
    assert loss(student, teacher, mask=mask & False).item() == 0


def test_one_map_serves_all_levels():
    student = [drawn(2, 3, 4, 8), drawn(2, 3, 2, 4)]
    teacher = [drawn(2, 3, 4, 8, seed=1), drawn(2, 3, 2, 4, seed=1)]
    weight = drawn(2, 8, 16, seed=2).sigmoid()
    mask = torch.ones(2, 8, 16, dtype=torch.bool)
    mask[:, :, 8:] = False
    mask[:, 0, 8] = True  # one pixel of a cell is enough
    weights = []
    for k in (2, 4):
        cells = weight.reshape(2, 8 // k, k, 16 // k, k)
        share = mask.reshape(2, 8 // k, k, 16 // k, k).double()
        weights.append((cells * share).sum((2, 4)) / share.sum(
            (2, 4)).clamp(min=1))
    masks = [
        mask.reshape(2, 8 // k, k, 16 // k, k).any(4).any(2) for k in (2, 4)
    ]
    loss = DualKLLoss()
    assert loss(student, teacher, weight, mask).item() == pytest.approx(
        loss(student, teacher, weights, masks).item(), rel=1e-12)


# Options and errors.


def test_is_found_by_its_name():
    for kind in (DualKLLoss, DepthDualKLLoss):
        assert type(MODELS.build(dict(type=kind.__name__))) is kind


@pytest.mark.parametrize('options, message', [
    (dict(softmax='both'), "softmax='both', expected one of.*'channel'"),
    (dict(balance='bdkd'), "balance='bdkd', expected one of.*'akl'"),
    (dict(temperature=0), 'temperature=0'),
    (dict(mu=50), 'mu=50, expected 0 to 1'),
    (dict(level_reduction='max'), "level_reduction='max'"),
])
def test_unknown_options_are_refused(options, message):
    for kind in (DualKLLoss, DepthDualKLLoss):
        with pytest.raises(ValueError, match=kind.__name__ + ': ' + message):
            kind(**options)


@pytest.mark.parametrize('arguments, message', [
    (dict(t_feature=torch.zeros(2, 3, 4, 4)), 'level 0 is'),
    (dict(weight=torch.zeros(2, 3, 4, 5)), r'weight of level 0 is \(2, 3'),
    (dict(weight=[torch.zeros(2, 4, 5)] * 2), '2 maps of weight for 1 lev'),
    (dict(mask=torch.zeros(1, 4, 5)), r'mask of level 0 is \(1, 1, 4, 5\), '
     r'expected \(2, 1, H, W\)'),
])
def test_maps_that_do_not_fit_are_refused(arguments, message):
    features = dict(s_feature=torch.zeros(2, 3, 4, 5),
                    t_feature=torch.zeros(2, 3, 4, 5))
    with pytest.raises(ValueError, match=message):
        DualKLLoss()(**features | arguments)
