"""The published SSD numbers, through mmdet's own head."""

import pytest
import torch
from mmdet.models.dense_heads import SSDHead
from mmengine.config import ConfigDict
from mmengine.structures import InstanceData

from mmxkd.losses import ChenDenseHeadLoss
from mmxkd.recording.methods import tap_method
from mmxkd.schedules import Progress
from tests.helpers import golden_ssd as golden
from tests.helpers.tiny_heads import ssd


class GoldenPriors:
    """Eight priors in a row of eight cells."""
    num_levels, num_base_priors, strides = 1, [1], [(300, 300)]
    base_anchors = [torch.zeros(1, 4)]

    def grid_priors(self, sizes, device):
        assert sizes == [(1, 8)]
        centre, size = golden.PRIORS[:, :2], golden.PRIORS[:, 2:]
        return [torch.cat([centre - size / 2, centre + size / 2], 1) * 300]

    def valid_flags(self, sizes, pad_shape, device):
        return [torch.ones(8, dtype=torch.bool)]


def golden_head():
    train_cfg = ConfigDict(ssd().train_cfg)
    return SSDHead(
        num_classes=2, in_channels=(1, ),
        anchor_generator=dict(type=GoldenPriors),
        bbox_coder=dict(type='DeltaXYWHBBoxCoder',
                        target_stds=[.1, .1, .2, .2]), train_cfg=train_cfg)


def as_level(values):
    """(N, P, C) as one level of one row of cells."""
    return [values.transpose(1, 2)[:, :, None]]


def golden_total(case, logits, boxes, **options):
    """The stock head's losses and ours, as the algorithm adds them."""
    head = golden_head()
    targets = []
    tap_method(head, 'get_targets').listeners.append(
        lambda args, kwargs, result: targets.append(result))
    truth = [InstanceData(bboxes=b * 300, labels=c) for b, c in golden.TRUTH]
    metas = [dict(img_shape=(300, 300), pad_shape=(300, 300))] * 2
    # mmdet has the background last.
    own = as_level(logits.roll(-1, -1)), as_level(boxes)
    other = (as_level(golden.teacher_logits().roll(-1, -1)),
             as_level(golden.teacher_boxes(case)))
    losses = head.loss_by_feat(*own, truth, metas)
    loss = ChenDenseHeadLoss(bound='batch', logit_hint=0.5, **options)
    loss.check(head, head)
    weights = loss.student_weights(Progress())
    return (sum(losses['loss_cls']) * weights['loss_cls']
            + sum(losses['loss_bbox'])
            + loss(own, other, targets[0], Progress()).squeeze()), losses


def near(value):
    return pytest.approx(value, abs=1e-5)


@pytest.mark.parametrize('case', ['I', 'II'])
def test_golden_total_with_the_stock_head(case):
    logits = golden.student_logits().requires_grad_()
    boxes = golden.student_boxes().requires_grad_()
    total, losses = golden_total(case, logits, boxes)
    assert sum(losses['loss_cls']).item() * 3 == near(golden.CE_HARD)
    assert sum(losses['loss_bbox']).item() * 3 == near(golden.SMOOTH_L1)
    assert total.item() == near(golden.TOTAL[case])
    total.sum().backward()
    assert boxes.grad.abs().sum().item() == near(golden.GRADIENT_BOXES[case])
    assert logits.grad.abs().sum().item() == near(golden.GRADIENT_LOGITS['I'])


@pytest.mark.parametrize('options, expected', golden.VARIANTS)
def test_golden_variants_with_the_stock_head(options, expected):
    total, _ = golden_total('II', golden.student_logits(),
                            golden.student_boxes(), **options)
    assert total.item() == near(expected)


def test_golden_bound_per_box():
    soft, _ = golden_total('II', golden.student_logits(),
                           golden.student_boxes(), nu=0)
    for case, expected in golden.PER_BOX.items():
        head = golden_head()
        loss = ChenDenseHeadLoss(mu=1)
        loss.check(head, head)
        labels = golden.LABELS - 1
        labels[labels < 0] = 2
        boxes = torch.zeros(2, 8, 4)
        boxes[golden.LABELS > 0] = golden.TARGETS
        targets = [labels], [torch.ones(2, 8)], [boxes], [boxes], 3
        value = loss((as_level(
            golden.student_logits()), as_level(golden.student_boxes())),
                     (as_level(golden.teacher_logits()),
                      as_level(golden.teacher_boxes(case))), targets,
                     Progress())
        assert value.item() == near(0.5 * expected / 3)
