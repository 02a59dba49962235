import pytest
import torch

from mmxkd.losses import BoundedRegressionLoss, bounded_squared_error
from mmxkd.registry import MODELS
from tests.helpers import golden_ssd as golden

POSITIVE = golden.LABELS > 0


def near(value, abs=1e-5):
    return pytest.approx(value, abs=abs)


@pytest.mark.parametrize('case', ['I', 'II'])
def test_boxes_one_by_one(case):
    student = golden.student_boxes()[POSITIVE]
    teacher = golden.teacher_boxes(case)[POSITIVE]
    squared = bounded_squared_error(student, teacher, golden.TARGETS,
                                    margin=1e9)
    torch.testing.assert_close(squared, torch.tensor(golden.BOXES_STUDENT),
                               atol=1e-5, rtol=0)
    torch.testing.assert_close((teacher - golden.TARGETS).square().sum(1),
                               torch.tensor(golden.BOXES_TEACHER[case]),
                               atol=1e-5, rtol=0)
    per_box = bounded_squared_error(student, teacher, golden.TARGETS)
    assert per_box.sum().item() == near(golden.PER_BOX[case])
    assert (per_box > 0).tolist() == [True, True, case == 'II']
    loss = BoundedRegressionLoss(nu=0.5)
    assert loss(student, teacher, golden.TARGETS,
                1).item() == near(0.5 * golden.PER_BOX[case])
    assert loss(student, teacher,
                golden.TARGETS).item() == near(0.5 * golden.PER_BOX[case] / 3)


def test_bound_of_the_batch():
    student = golden.student_boxes()[POSITIVE]
    loss = BoundedRegressionLoss(bound='batch')

    def value(case):
        teacher = golden.teacher_boxes(case)[POSITIVE]
        return loss(student, teacher, golden.TARGETS, 1).item()

    assert value('I') == 0
    assert value('II') == near(0.2348646)
    assert value('II') == near(0.5 * 0.4697292)


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
    value = BoundedRegressionLoss(bound=bound)(student, torch.zeros(0, 4),
                                               torch.zeros(0, 4))
    value.backward()
    assert value.item() == 0 and student.grad is not None


def test_unknown_bounds_are_refused():
    with pytest.raises(
            ValueError,
            match=(r"bound='image', expected one of \('box', 'batch'\)")):
        MODELS.build(dict(type='BoundedRegressionLoss', bound='image'))


def test_shapes_that_are_refused():
    with pytest.raises(ValueError, match=r'\(1, 4\) in the teacher'):
        BoundedRegressionLoss()(torch.zeros(2, 4), torch.zeros(1, 4),
                                torch.zeros(2, 4))
