import math

import pytest
import torch
import torch.nn.functional as F

from mmxkd.losses import SoftCrossEntropyLoss, soft_cross_entropy
from mmxkd.registry import MODELS
from tests.helpers import golden_ssd as golden


def published(s, t):
    p, q = t.softmax(-1), s.softmax(-1)
    weights = torch.tensor([1.0, 1.0, 1.5])
    return -(weights * (p + 1e-10) * (q + 1e-10).log()).sum(-1)


def test_logarithm_of_the_softmax_equals_the_published_form():
    s, t = golden.student_logits(), golden.teacher_logits()
    torch.testing.assert_close(soft_cross_entropy(s, t), published(s, t),
                               atol=1e-6, rtol=1e-6)


def test_gradient_where_the_student_is_surely_wrong():
    s = torch.tensor([[0., 60., 0.]], requires_grad=True)
    t = torch.tensor([[9., 0., 0.]])
    (lost, ) = torch.autograd.grad(published(s, t).sum(), s)
    assert lost[0, 0].abs() < 1e-6
    (kept, ) = torch.autograd.grad(soft_cross_entropy(s, t).sum(), s)
    assert kept[0].tolist() == pytest.approx([-1, 1, 0], abs=1e-2)


def test_the_published_value_is_capped_where_ours_is_not():
    s, t = torch.tensor([[0., 60., 0.]]), torch.tensor([[90., 0., 0.]])
    # -ln(1e-10); one foreground class takes all of the teacher's weight.
    assert published(s, t).item() == pytest.approx(10 * math.log(10), abs=1e-3)
    assert soft_cross_entropy(s, t).item() == pytest.approx(60, abs=1e-3)


def test_background_may_be_any_end():
    s, t = golden.student_logits(), golden.teacher_logits()
    torch.testing.assert_close(
        soft_cross_entropy(s, t, background='first'),
        soft_cross_entropy(s.roll(-1, -1), t.roll(-1, -1)))


def test_equal_weights_are_divergence_plus_entropy():
    s, t = golden.student_logits(), golden.teacher_logits()
    p = t.softmax(-1)
    entropy = -(p * p.log()).sum(-1)
    value = soft_cross_entropy(s, t, background_weight=1)
    divergence = F.kl_div(s.log_softmax(-1), p, reduction='none').sum(-1)
    torch.testing.assert_close(value, divergence + entropy)
    # Least where both agree.
    assert (soft_cross_entropy(t, t, background_weight=1) <= value).all()


def test_foreground_weight():
    s, t = golden.student_logits(), golden.teacher_logits()
    torch.testing.assert_close(soft_cross_entropy(s, t, 1, 3.0, 2.0),
                               2 * soft_cross_entropy(s, t, 1, 1.5, 1.0))


def test_teacher_logits_of_minus_infinity():
    t = torch.tensor([[0., 1., -math.inf]])
    assert soft_cross_entropy(torch.zeros(1, 3), t).isfinite().all()


def test_no_row():
    logits = torch.zeros(0, 3, requires_grad=True)
    value = SoftCrossEntropyLoss()(logits, torch.zeros(0, 3))
    value.backward()
    assert value.item() == 0 and logits.grad is not None


@pytest.mark.parametrize('options, message', [
    (dict(type='SoftCrossEntropyLoss', temperature=0), 'temperature=0'),
    (dict(type='SoftCrossEntropyLoss', background='middle'),
     r"background='middle', expected one of \('first', 'last'\)"),
])
def test_options_that_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(options)


def test_shapes_that_are_refused():
    with pytest.raises(ValueError, match=r'\(2, 3\) in the student, \(2, 4\)'):
        SoftCrossEntropyLoss()(torch.zeros(2, 3), torch.zeros(2, 4))
