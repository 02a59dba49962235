import numpy as np
import pytest
import torch

from mmxkd.losses import PearsonLoss
from tests.helpers.feature_maps import drawn


def correlation(one, two):
    return np.corrcoef(one.flatten().numpy(), two.flatten().numpy())[0, 1]


def test_against_numpy():
    student, teacher = drawn(2, 3, 4, 5), drawn(2, 3, 4, 5, seed=1)
    expected = dict(
        batch=1 - correlation(student, teacher), sample=1 - np.mean(
            [correlation(s, t)
             for s, t in zip(student, teacher, strict=True)]),
        channel=1 - np.mean([
            correlation(student[k, c], teacher[k, c]) for k in range(2)
            for c in range(3)
        ]))
    for over, value in expected.items():
        assert PearsonLoss(over)(student, teacher).item() == pytest.approx(
            value, rel=1e-12)


@pytest.mark.parametrize('over', ['batch', 'sample', 'channel'])
def test_positive_scale_and_shift_change_nothing(over):
    student, teacher = drawn(2, 3, 4, 5), drawn(2, 3, 4, 5, seed=1)
    loss = PearsonLoss(over)
    value = loss(student, teacher).item()
    assert loss(7 * student - 2, teacher).item() == pytest.approx(value)
    assert loss(student, 1e-3 * teacher + 1).item() == pytest.approx(value)
    assert loss(3 * teacher + 5, teacher).item() == pytest.approx(0, abs=1e-12)
    assert loss(teacher, student).item() == pytest.approx(value)
    assert loss(-teacher, teacher).item() == pytest.approx(2.)


def test_scale_of_an_image_or_channel_changes_what_runs_over_it_only():
    student, teacher = drawn(2, 3, 4, 5), drawn(2, 3, 4, 5, seed=1)
    of_image = torch.tensor([1., 5.]).reshape(2, 1, 1, 1) * student
    of_channel = torch.tensor([1., 5., .2]).reshape(1, 3, 1, 1) * student
    for over, changed in (('batch', (True, True)), ('sample', (False, True)),
                          ('channel', (False, False))):
        value = PearsonLoss(over)(student, teacher)
        for scaled, differs in zip((of_image, of_channel), changed,
                                   strict=True):
            gap = abs(PearsonLoss(over)(scaled, teacher) - value)
            assert (gap > 1e-3) if differs else (gap < 1e-12)


@pytest.mark.parametrize('constant', [0., 0.1, -1e4])
def test_a_constant_map_has_no_direction(constant):
    student = torch.full((1, 1, 7, 11), constant).requires_grad_()
    teacher = drawn(1, 1, 7, 11).float()
    value = PearsonLoss()(student, teacher)
    value.backward()
    assert value.item() == pytest.approx(0.5)
    assert (student.grad == 0).all()
    assert PearsonLoss()(student, torch.ones_like(teacher)).item() == 0


def test_rounding_of_a_constant_map_is_no_direction():
    """The last bit of every other value is another one."""
    student = torch.full((1, 1, 6, 8), 100.)
    student[..., ::2] = torch.nextafter(student[..., ::2], torch.tensor(0.))
    student.requires_grad_()
    value = PearsonLoss()(student, drawn(1, 1, 6, 8).float())
    value.backward()
    assert value.item() == pytest.approx(0.5)
    assert (student.grad == 0).all()


@pytest.mark.parametrize('scale', [1e-30, 1e30])
def test_neither_small_nor_great_values_are_lost(scale):
    student, teacher = (drawn(2, 3, 4, 5, seed=i).float() for i in (0, 1))
    leaf = (scale * student).requires_grad_()
    value = PearsonLoss()(leaf, scale * teacher)
    assert value.item() == pytest.approx(
        PearsonLoss()(student, teacher).item(), rel=1e-5)
    value.backward()
    assert leaf.grad.isfinite().all()


def test_levels_count_alike():
    student = [drawn(2, 3, 4, 5), drawn(2, 3, 2, 3)]
    teacher = [drawn(2, 3, 4, 5, seed=1), drawn(2, 3, 2, 3, seed=1)]
    expected = [
        1 - correlation(s, t) for s, t in zip(student, teacher, strict=True)
    ]
    assert PearsonLoss()(student,
                         teacher).item() == pytest.approx(sum(expected) / 2)
    assert PearsonLoss(level_reduction='sum')(student,
                                              teacher).item() == pytest.approx(
                                                  sum(expected))


def test_unknown_axes_and_shapes_are_refused():
    with pytest.raises(ValueError, match="over='image', expected one of"):
        PearsonLoss('image')
    with pytest.raises(ValueError, match='level 0 is'):
        PearsonLoss()(drawn(1, 2, 3, 4), drawn(1, 2, 4, 3))
