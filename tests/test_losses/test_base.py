"""Levels count alike unless they are weighed."""
import pytest
import torch

from mmxkd.losses import PKDLoss
from mmxkd.losses.base import (
    DistillationLoss,
    MultiLevelLoss,
    as_levels,
    check_pairs,
)
from mmxkd.registry import MODELS


class Sum(MultiLevelLoss):

    def levels(self, s_feature, t_feature):
        return [s.sum() for s in as_levels(s_feature)]


@pytest.mark.parametrize('weights, total', [(None, 15.0), ([1, 1], 15.0),
                                            ([2, 0], 10.0), ([0.5, 3], 32.5)])
def test_weighted_mean_over_levels(weights, total):
    features = [torch.full((1, 1, 2, 5), 1.0), torch.full((1, 1, 2, 2), 5.0)]
    assert float(Sum(weights)(features, features)) == pytest.approx(total)


def test_weights_of_another_number_are_an_error():
    features = [torch.ones(1)] * 3
    with pytest.raises(ValueError, match='2 entries for 3 levels'):
        Sum([1, 2])(features, features)


def test_one_map_is_one_level():
    assert float(Sum()(torch.ones(1, 1, 2, 2), None)) == 4.0


@pytest.mark.parametrize('student, teacher, message', [
    ([torch.ones(1)] * 2, [torch.ones(1)], 'student has 2 levels'),
    ([torch.ones(1, 2)], [torch.ones(2, 1)], r'level 0 is \(1, 2\)'),
])
def test_pairs_that_do_not_match(student, teacher, message):
    with pytest.raises(ValueError, match=message):
        check_pairs('Loss', student, teacher)


def test_one_weight_for_all_levels_is_no_list():
    with pytest.raises(
            ValueError, match='PKDLoss: level_weights=0.5, '
            'expected a list of one number a level'):
        PKDLoss(level_weights=0.5)


def test_every_loss_says_what_it_needs():
    ours = [
        kind for kind in MODELS.module_dict.values()
        if kind.__module__.startswith('mmxkd.losses.')
    ]
    assert len(ours) > 15
    assert [k for k in ours if not issubclass(k, DistillationLoss)] == []


def test_pairs_are_levels_with_a_teacher_that_takes_no_gradient():
    s, t = (torch.ones(1, 2, 3, 3, requires_grad=True) for _ in range(2))
    for student, teacher in ((s, t), ([s], (t, ))):
        ((one, other), ) = Sum().pairs(student, teacher)
        assert one is s and not other.requires_grad
        assert torch.equal(other, t)


@pytest.mark.parametrize('axes, same', [(0, True), (1, True), (2, False),
                                        (None, False)])
def test_pairs_compare_the_first_axes(axes, same):
    s, t = torch.ones(2, 3, 4, 4), torch.ones(2, 5, 4, 4)
    if same:
        assert len(Sum().pairs([s, s], [t, t], axes)) == 2
        return
    tail = '; expected one N, C$' if axes else '$'
    with pytest.raises(
            ValueError, match=
        (r'^Sum: level 0 is \(2, 3, 4, 4\) in the student, \(2, 5, 4, 4\) '
         'in the teacher' + tail)):
        Sum().pairs([s, s], [t, t], axes)


@pytest.mark.parametrize('axes', [None, 0, 1])
def test_pairs_are_as_many_on_both_sides(axes):
    level = torch.ones(1, 1, 2, 2)
    with pytest.raises(ValueError, match='^Sum: the student has 2 levels'):
        Sum().pairs([level, level], level, axes)
    with pytest.raises(ValueError, match='got a list of list'):
        Sum().pairs([[level]], [level], axes)


def test_pairs_without_axes_still_have_as_many_of_them():
    with pytest.raises(ValueError, match=r'\(2, 3\) in the teacher$'):
        Sum().pairs(torch.ones(2, 3, 4, 4), torch.ones(2, 3), axes=0)
