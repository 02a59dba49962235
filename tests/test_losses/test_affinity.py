import pytest
import torch

from mmxkd.losses import AffinityLoss
from mmxkd.losses.affinity import within
from mmxkd.losses.common.grids import resize
from tests.helpers.feature_maps import drawn


def slow(student, teacher):
    """Mean over images and pairs of positions, one by one."""
    n, _, height, width = student.shape
    cells = [(y, x) for y in range(height) for x in range(width)]
    total = 0.
    for k in range(n):
        for one in cells:
            for two in cells:
                gap = sum(sign * (f[k, :, one[0], one[1]]
                                  * f[k, :, two[0], two[1]]).sum().item()
                          for sign, f in ((1, student), (-1, teacher)))
                total += abs(gap)
    return total / (n * len(cells)**2)


def test_against_a_slow_loop():
    student, teacher = drawn(2, 3, 2, 4), drawn(2, 3, 2, 4, seed=1)
    assert AffinityLoss()(student, teacher).item() == pytest.approx(
        slow(student, teacher), rel=1e-12)


def test_by_hand():
    """Positions (1, 0) and (0, 2) against none: |1|, |0|, |0|, |4|."""
    student = torch.tensor([[[[1., 0.]], [[0., 2.]]]])
    assert AffinityLoss()(student, torch.zeros_like(student)).item() == 5 / 4


def test_all_levels_are_compared_on_the_coarsest_grid():
    student = [drawn(2, 3, 8, 12), drawn(2, 3, 4, 6), drawn(2, 3, 2, 3)]
    teacher = [
        drawn(2, 3, 8, 12, seed=1),
        drawn(2, 3, 4, 6, seed=1),
        drawn(2, 3, 2, 3, seed=1)
    ]
    levels = AffinityLoss().levels(student, teacher)
    expected = [
        slow(resize(s, (2, 3)), resize(t, (2, 3)))
        for s, t in zip(student, teacher, strict=True)
    ]
    assert [v.item() for v in levels] == pytest.approx(expected, rel=1e-12)
    assert AffinityLoss()(student, teacher).item() == pytest.approx(
        sum(expected), rel=1e-12)
    # Halving bilinearly is the mean of 2×2 pixels.
    torch.testing.assert_close(resize(student[1], (2, 3)),
                               torch.nn.functional.avg_pool2d(student[1], 2))


def test_rotations_of_the_channels_change_nothing():
    student, teacher = drawn(2, 4, 3, 5), drawn(2, 4, 3, 5, seed=1)
    rotation, _ = torch.linalg.qr(drawn(4, 4, seed=2))
    rotated = torch.einsum('ij,njhw->nihw', rotation, student)
    loss = AffinityLoss()
    assert loss(rotated, teacher).item() == pytest.approx(
        loss(student, teacher).item(), rel=1e-12)
    assert loss(rotated, student).item() == pytest.approx(0, abs=1e-12)
    assert loss(student, teacher).item() == pytest.approx(
        loss(teacher, student).item(), rel=1e-12)


def test_the_teacher_may_have_other_channels():
    student = drawn(2, 2, 3, 5)
    wider = torch.cat([student, torch.zeros(2, 5, 3, 5)], 1)
    assert AffinityLoss()(student, wider).item() == 0
    assert not AffinityLoss.same_shape


def test_divided_by_the_batch_once_more():
    student, teacher = drawn(4, 3, 2, 4), drawn(4, 3, 2, 4, seed=1)
    assert AffinityLoss(divide_by_batch=True)(
        student, teacher).item() == pytest.approx(
            AffinityLoss()(student, teacher).item() / 4)


@pytest.mark.parametrize('size, cells, expected', [
    ((12, 40), 1024, (12, 40)),
    ((100, 168), 1024, (24, 41)),
    ((1, 5000), 1024, (1, 1024)),
    ((5000, 1), 1024, (1024, 1)),
    ((3, 3), 1, (1, 1)),
    ((7, 11), 10, (2, 3)),
])
def test_grid_is_bounded(size, cells, expected):
    assert within(size, cells) == expected
    assert expected[0] * expected[1] <= cells


def test_one_fine_level_is_compared_on_a_bounded_grid():
    """At 200×334 the Gram matrix alone would have 4.5e9 entries."""
    student, teacher = drawn(1, 2, 200, 334), drawn(1, 2, 200, 334, seed=1)
    found = AffinityLoss(max_cells=64)(student, teacher)
    size = within((200, 334), 64)
    assert size == (6, 10)
    assert found.item() == pytest.approx(
        slow(resize(student, size), resize(teacher, size)), rel=1e-10)
    assert AffinityLoss(grid=(2, 3))(student,
                                     teacher).item() == (pytest.approx(
                                         slow(resize(student, (2, 3)),
                                              resize(teacher, (2, 3))),
                                         rel=1e-10))


@pytest.mark.parametrize('student, teacher, message', [
    ([torch.zeros(1, 1, 2, 2)] * 2, torch.zeros(
        1, 1, 2, 2), 'student has 2 levels, the teacher 1'),
    (torch.zeros(1, 1, 2, 2), torch.zeros(
        2, 1, 2, 2), 'level 0 has 1 images in the student, 2'),
])
def test_levels_that_do_not_fit_are_refused(student, teacher, message):
    with pytest.raises(ValueError, match=message):
        AffinityLoss()(student, teacher)


def test_no_cells_are_refused():
    with pytest.raises(ValueError, match='max_cells=0'):
        AffinityLoss(max_cells=0)
