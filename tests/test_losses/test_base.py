"""Levels count alike unless they are weighed."""
import pytest
import torch

from mmxkd.losses import PKDLoss
from mmxkd.losses.base import MultiLevelLoss, as_levels, check_pairs


class Sum(MultiLevelLoss):

    def levels(self, s_feature, t_feature):
        return [s.sum() for s in as_levels(s_feature)]


@pytest.mark.parametrize('weights, total', [
    (None, 15.0), ([1, 1], 15.0), ([2, 0], 10.0), ([0.5, 3], 32.5)])
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
    with pytest.raises(ValueError, match='PKDLoss: level_weights=0.5, '
                       'expected a list of one number a level'):
        PKDLoss(level_weights=0.5)
