"""Weighted soft cross-entropy, bounded regression, hard negatives."""
import math

import pytest
import torch
import torch.nn.functional as F

from mmxkd.losses import (
    BoundedRegressionLoss,
    FeatureMSELoss,
    SoftCrossEntropyLoss,
    bounded_squared_error,
    soft_cross_entropy,
)
from mmxkd.losses.common.hard_negatives import hard_negatives
from mmxkd.registry import MODELS
from tests.helpers import golden_ssd as golden

POSITIVE = golden.LABELS > 0


def near(value, abs=1e-5):
    return pytest.approx(value, abs=abs)


def errors_of(logits):
    return F.cross_entropy(logits.transpose(1, 2), golden.LABELS,
                           reduction='none')


def selected(logits):
    return POSITIVE | hard_negatives(errors_of(logits), POSITIVE, ~POSITIVE)


def total(case, logits, boxes, mu=0.5, temperature=1.0,
          background_weight=1.5):
    """The loss of the published code, composed of ours."""
    chosen, n = selected(logits), POSITIVE.sum().item()
    soft = SoftCrossEntropyLoss(temperature, background_weight,
                                background='first')
    bound = BoundedRegressionLoss(bound='batch')
    teacher = golden.teacher_logits()
    hard = errors_of(logits)[chosen].sum()
    regression = F.smooth_l1_loss(boxes[POSITIVE], golden.TARGETS,
                                  reduction='sum')
    return (mu * hard / n
            + (1 - mu) * soft(logits[chosen], teacher[chosen], n)
            + regression / n
            + bound(boxes[POSITIVE], golden.teacher_boxes(case)[POSITIVE],
                    golden.TARGETS, n)
            + 0.5 * FeatureMSELoss()(logits, teacher))


def test_cross_entropy_of_each_prior():
    torch.testing.assert_close(errors_of(golden.student_logits()),
                               golden.ERRORS, atol=1e-5, rtol=0)


def test_mined_negatives():
    chosen = hard_negatives(errors_of(golden.student_logits()), POSITIVE,
                            ~POSITIVE)
    assert [row.nonzero()[:, 0].tolist() for row in chosen] == (
        golden.NEGATIVES)


def test_terms():
    logits, boxes = golden.student_logits(), golden.student_boxes()
    chosen = selected(logits)
    assert errors_of(logits)[chosen].sum().item() == near(golden.CE_HARD)
    for temperature, expected in golden.SOFT.items():
        loss = SoftCrossEntropyLoss(temperature, background='first')
        assert loss(logits[chosen], golden.teacher_logits()[chosen],
                    1).item() == near(expected)
    assert F.smooth_l1_loss(boxes[POSITIVE], golden.TARGETS, reduction='sum'
                            ).item() == near(golden.SMOOTH_L1)
    # All priors count alike: one level of all, not a mean over levels.
    assert FeatureMSELoss()(logits, golden.teacher_logits()).item() == near(
        golden.HINT)


@pytest.mark.parametrize('case', ['I', 'II'])
def test_boxes_one_by_one(case):
    student = golden.student_boxes()[POSITIVE]
    teacher = golden.teacher_boxes(case)[POSITIVE]
    squared = bounded_squared_error(student, teacher, golden.TARGETS,
                                    margin=1e9)
    torch.testing.assert_close(squared, torch.tensor(golden.BOXES_STUDENT),
                               atol=1e-5, rtol=0)
    torch.testing.assert_close(
        (teacher - golden.TARGETS).square().sum(1),
        torch.tensor(golden.BOXES_TEACHER[case]), atol=1e-5, rtol=0)
    per_box = bounded_squared_error(student, teacher, golden.TARGETS)
    assert per_box.sum().item() == near(golden.PER_BOX[case])
    assert (per_box > 0).tolist() == [True, True, case == 'II']
    loss = BoundedRegressionLoss(nu=0.5)
    assert loss(student, teacher, golden.TARGETS, 1).item() == near(
        0.5 * golden.PER_BOX[case])
    assert loss(student, teacher, golden.TARGETS).item() == near(
        0.5 * golden.PER_BOX[case] / 3)


def test_bound_of_the_batch():
    student = golden.student_boxes()[POSITIVE]
    loss = BoundedRegressionLoss(bound='batch')

    def value(case):
        teacher = golden.teacher_boxes(case)[POSITIVE]
        return loss(student, teacher, golden.TARGETS, 1).item()

    assert value('I') == 0
    assert value('II') == near(0.2348646)
    assert value('II') == near(0.5 * 0.4697292)


@pytest.mark.parametrize('case', ['I', 'II'])
def test_total_and_gradients(case):
    logits = golden.student_logits().requires_grad_()
    boxes = golden.student_boxes().requires_grad_()
    value = total(case, logits, boxes)
    assert value.item() == near(golden.TOTAL[case])
    value.backward()
    assert boxes.grad.abs().sum().item() == near(golden.GRADIENT_BOXES[case])
    # The logits see nothing of the boxes.
    assert logits.grad.abs().sum().item() == near(golden.GRADIENT_LOGITS['I'])


@pytest.mark.parametrize('options, expected', golden.VARIANTS)
def test_variants(options, expected):
    assert total('II', golden.student_logits(), golden.student_boxes(),
                 **options).item() == near(expected)


def test_bare_detector():
    chosen = selected(golden.student_logits())
    hard = errors_of(golden.student_logits())[chosen].sum().item()
    assert (hard + golden.SMOOTH_L1) / 3 == near(golden.BARE)


def slow_total(case):
    """In float64, number by number, by the formulas alone."""
    student = golden.student_logits().tolist()
    teacher = golden.teacher_logits().tolist()
    labels = golden.LABELS.tolist()
    own, other = golden.student_boxes(), golden.teacher_boxes(case)

    def softmax(row):
        exponentials = [math.exp(v) for v in row]
        return [e / sum(exponentials) for e in exponentials]

    hard = soft = 0.0
    for b in range(2):
        error = [-math.log(softmax(student[b][p])[labels[b][p]])
                 for p in range(8)]
        positive = [p for p in range(8) if labels[b][p]]
        rest = sorted((p for p in range(8) if p not in positive),
                      key=lambda p, error=error: -error[p])
        for p in positive + rest[:3 * len(positive)]:
            hard += error[p]
            q, t = softmax(student[b][p]), softmax(teacher[b][p])
            soft -= sum((1.5 if c == 0 else 1.0) * (t[c] + 1e-10)
                        * math.log(q[c] + 1e-10) for c in range(3))
    s, t = own[POSITIVE].double(), other[POSITIVE].double()
    y = golden.TARGETS.double()
    difference = (s - y).abs()
    smooth = torch.where(difference < 1, difference**2 / 2,
                         difference - 0.5).sum().item()
    mse_s, mse_t = ((x - y).square().mean().item() for x in (s, t))
    bound = 0.5 * mse_s if mse_s > mse_t else 0.0
    hint = (golden.student_logits().double()
            - golden.teacher_logits().double()).square().mean().item()
    return (0.5 * hard + 0.5 * soft + smooth + bound) / 3 + 0.5 * hint


@pytest.mark.parametrize('case', ['I', 'II'])
def test_total_against_a_slow_version(case):
    precise = total(case, golden.student_logits().double(),
                    golden.student_boxes().double())
    assert precise.item() == near(slow_total(case), abs=1e-6)
    assert slow_total(case) == near(golden.TOTAL[case])


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
    torch.testing.assert_close(
        soft_cross_entropy(s, t, 1, 3.0, 2.0),
        2 * soft_cross_entropy(s, t, 1, 1.5, 1.0))


def test_teacher_logits_of_minus_infinity():
    t = torch.tensor([[0., 1., -math.inf]])
    assert soft_cross_entropy(torch.zeros(1, 3), t).isfinite().all()


def test_margin_keeps_pulling():
    student, teacher = torch.tensor([[1.]]), torch.tensor([[2.]])
    target = torch.zeros(1, 1)
    assert bounded_squared_error(student, teacher, target).item() == 0
    assert bounded_squared_error(student, teacher, target, 2.9).item() == 0
    assert bounded_squared_error(student, teacher, target, 3.1).item() == 1
    # As good as the teacher is good enough.
    assert bounded_squared_error(student, -student, target).item() == 0


def test_gradient_is_that_of_the_squared_error_alone():
    student = torch.tensor([[2., 1.], [0.1, 0.]], requires_grad=True)
    teacher, target = torch.ones(2, 2), torch.zeros(2, 2)
    bounded_squared_error(student, teacher, target).sum().backward()
    assert student.grad.tolist() == [[4, 2], [0, 0]]


@pytest.mark.parametrize('bound', ['box', 'batch'])
def test_no_box(bound):
    student = torch.zeros(0, 4, requires_grad=True)
    value = BoundedRegressionLoss(bound=bound)(
        student, torch.zeros(0, 4), torch.zeros(0, 4))
    value.backward()
    assert value.item() == 0 and student.grad is not None
    logits = torch.zeros(0, 3, requires_grad=True)
    value = SoftCrossEntropyLoss()(logits, torch.zeros(0, 3))
    value.backward()
    assert value.item() == 0 and logits.grad is not None


def mined(errors, labels, ratio=3.0):
    labels = torch.tensor(labels)
    return hard_negatives(torch.tensor(errors), labels > 0, labels == 0,
                          ratio).int().tolist()


def test_each_image_is_mined_by_itself():
    assert mined([[9., 1., 2.], [1., 8., 9.]], [[0, 0, 1], [0, 0, 0]],
                 1) == [[1, 0, 0], [0, 0, 0]]


def test_no_more_negatives_than_there_are():
    assert mined([[1., 2., 3.]], [[1, 1, 0]]) == [[0, 0, 1]]
    assert mined([[1., 2., 3.]], [[1, 1, 1]]) == [[0, 0, 0]]


def test_ignored_priors_are_not_mined():
    assert mined([[9., 1., 2., 3.]], [[-1, 1, 0, 0]], 1) == [[0, 0, 0, 1]]


def test_negatives_of_equal_error():
    assert mined([[1., 1., 1., 1.]], [[1, 0, 0, 0]], 2) == [[0, 1, 1, 0]]


def test_rows_far_below_the_rest_are_finite():
    logits = torch.zeros(1, 2, 3)
    logits[0, 1] = -1e4
    assert F.cross_entropy(logits.transpose(1, 2), torch.zeros(
        1, 2, dtype=torch.long), reduction='none').isfinite().all()


@pytest.mark.parametrize('options, message', [
    (dict(type='SoftCrossEntropyLoss', temperature=0), 'temperature=0'),
    (dict(type='SoftCrossEntropyLoss', background='middle'),
     r"background='middle', expected one of \('first', 'last'\)"),
    (dict(type='BoundedRegressionLoss', bound='image'),
     r"bound='image', expected one of \('box', 'batch'\)"),
])
def test_options_that_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build(options)


def test_shapes_that_are_refused():
    with pytest.raises(ValueError, match=r'\(2, 3\) in the student, \(2, 4\)'):
        SoftCrossEntropyLoss()(torch.zeros(2, 3), torch.zeros(2, 4))
    with pytest.raises(ValueError, match=r'\(1, 4\) in the teacher'):
        BoundedRegressionLoss()(torch.zeros(2, 4), torch.zeros(1, 4),
                                torch.zeros(2, 4))
