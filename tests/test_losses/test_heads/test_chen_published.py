"""The published SSD numbers, composed of the terms alone."""
import math

import pytest
import torch
import torch.nn.functional as F

from mmxkd.losses import (
    BoundedRegressionLoss,
    FeatureMSELoss,
    SoftCrossEntropyLoss,
)
from mmxkd.losses.common.hard_negatives import hard_negatives
from tests.helpers import golden_ssd as golden

POSITIVE = golden.LABELS > 0


def near(value, abs=1e-5):
    return pytest.approx(value, abs=abs)


def errors_of(logits):
    return F.cross_entropy(logits.transpose(1, 2), golden.LABELS,
                           reduction='none')


def selected(logits):
    return POSITIVE | hard_negatives(errors_of(logits), POSITIVE, ~POSITIVE)


def total(case, logits, boxes, mu=0.5, temperature=1.0, background_weight=1.5):
    """The loss of the published code, composed of ours."""
    chosen, n = selected(logits), POSITIVE.sum().item()
    soft = SoftCrossEntropyLoss(temperature, background_weight,
                                background='first')
    bound = BoundedRegressionLoss(bound='batch')
    teacher = golden.teacher_logits()
    hard = errors_of(logits)[chosen].sum()
    regression = F.smooth_l1_loss(boxes[POSITIVE], golden.TARGETS,
                                  reduction='sum')
    return (mu * hard / n + (1 - mu) * soft(logits[chosen], teacher[chosen], n)
            + regression / n
            + bound(boxes[POSITIVE],
                    golden.teacher_boxes(case)[POSITIVE], golden.TARGETS, n)
            + 0.5 * FeatureMSELoss()(logits, teacher))


def test_terms():
    logits, boxes = golden.student_logits(), golden.student_boxes()
    chosen = selected(logits)
    assert errors_of(logits)[chosen].sum().item() == near(golden.CE_HARD)
    for temperature, expected in golden.SOFT.items():
        loss = SoftCrossEntropyLoss(temperature, background='first')
        assert loss(logits[chosen],
                    golden.teacher_logits()[chosen],
                    1).item() == near(expected)
    assert F.smooth_l1_loss(boxes[POSITIVE], golden.TARGETS,
                            reduction='sum').item() == near(golden.SMOOTH_L1)
    # All priors count alike: one level of all, not a mean over levels.
    assert FeatureMSELoss()(logits, golden.teacher_logits()).item() == near(
        golden.HINT)


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
        error = [
            -math.log(softmax(student[b][p])[labels[b][p]]) for p in range(8)
        ]
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
    precise = total(case,
                    golden.student_logits().double(),
                    golden.student_boxes().double())
    assert precise.item() == near(slow_total(case), abs=1e-6)
    assert slow_total(case) == near(golden.TOTAL[case])
