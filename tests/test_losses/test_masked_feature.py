from types import SimpleNamespace

import pytest
import torch

from mmxkd.losses import MaskedFeatureLoss
from tests.helpers.feature_maps import drawn


def samples(*boxes, input_shape=(64, 96)):
    return [
        SimpleNamespace(
            metainfo=dict(batch_input_shape=input_shape),
            gt_instances=SimpleNamespace(
                bboxes=torch.tensor(b, dtype=torch.float32).reshape(-1, 4)))
        for b in boxes
    ]


def slow(student, teacher, boxes, stride):
    """Cell by cell: those whose centre is in a box."""
    n, c, height, width = student.shape
    total, count = 0., 0
    for k in range(n):
        for y in range(height):
            for x in range(width):
                if any(x1 <= (x + 0.5) * stride <= x2 and y1 <= (y + 0.5)
                       * stride <= y2 for x1, y1, x2, y2 in boxes[k]):
                    gap = student[k, :, y, x] - teacher[k, :, y, x]
                    total += (gap**2 / 2).mean().item()
                    count += 1
    return total / count


def test_against_a_slow_loop():
    boxes = [[[0, 0, 40, 30], [20, 8, 95, 50]], [[48, 32, 95, 63]]]
    student = [drawn(2, 3, 8, 12), drawn(2, 3, 4, 6)]
    teacher = [drawn(2, 3, 8, 12, seed=1), drawn(2, 3, 4, 6, seed=1)]
    levels = MaskedFeatureLoss().levels(student, teacher, samples(*boxes))
    expected = [
        slow(s, t, boxes, stride)
        for s, t, stride in zip(student, teacher, (8, 16), strict=True)
    ]
    assert [v.item() for v in levels] == pytest.approx(expected, rel=1e-12)
    assert MaskedFeatureLoss()(student, teacher,
                               samples(*boxes)).item() == pytest.approx(
                                   sum(expected), rel=1e-12)
    assert MaskedFeatureLoss(divide_by_batch=True)(
        student, teacher,
        samples(*boxes)).item() == pytest.approx(sum(expected) / 2, rel=1e-12)


def test_by_hand():
    """A gap of 3 in one of two masked cells: 9 / 2 / 2."""
    student, teacher = torch.zeros(1, 4, 2, 3), torch.zeros(1, 4, 2, 3)
    student[0, :, 0, 1] = 3.
    student[0, :, 1, 2] = 100.  # outside
    value = MaskedFeatureLoss()(student, teacher, samples([[0, 0, 63, 31]]))
    assert value.item() == 9 / 4


def test_no_box_is_0_with_a_gradient_path():
    student = drawn(2, 3, 4, 6).requires_grad_()
    value = MaskedFeatureLoss()(student, drawn(2, 3, 4, 6, seed=1),
                                samples([], []))
    value.backward()
    assert value.item() == 0 and (student.grad == 0).all()


def test_what_is_outside_may_be_anything():
    student, teacher = drawn(1, 3, 4, 6), drawn(1, 3, 4, 6, seed=1)
    teacher[..., 3:] = torch.nan
    student.requires_grad_()
    value = MaskedFeatureLoss()(student, teacher, samples([[0, 0, 47, 63]]))
    value.backward()
    assert value.isfinite()
    assert (student.grad[..., 3:] == 0).all()
    assert (student.grad[..., :3] != 0).all()


def test_overlapping_boxes_count_once():
    student, teacher = drawn(1, 3, 4, 6), drawn(1, 3, 4, 6, seed=1)
    box = [0, 0, 47, 63]
    loss = MaskedFeatureLoss()
    assert loss(student, teacher,
                samples([box, box])) == loss(student, teacher, samples([box]))


def test_numbers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match='1 data samples for 2 images'):
        MaskedFeatureLoss()(drawn(2, 3, 4, 6), drawn(2, 3, 4, 6), samples([]))
    with pytest.raises(ValueError, match='level 0 is'):
        MaskedFeatureLoss()(drawn(1, 3, 4, 6), drawn(1, 2, 4, 6), samples([]))
