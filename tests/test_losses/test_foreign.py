"""A loss of another package, and what it says of itself."""
import pytest
import torch
from torch import nn

from mmxkd.losses import FeatureMSELoss
from mmxkd.losses.foreign import ForeignLoss, as_distillation_loss
from mmxkd.schedules import Constant, Progress


class Plain(nn.Module):
    """Says nothing of itself."""

    def forward(self, a, b, factor=1.0):
        return factor * (a - b).abs().sum()


class Talking(Plain):
    """Says all that may be said."""
    same_shape = False
    maps_only = True
    fixed = ('b', )

    def __init__(self):
        super().__init__()
        self.schedules = dict(tau=Constant(2.0))

    def metrics(self):
        return dict(seen=torch.ones(()))


def test_a_loss_of_the_package_speaks_for_itself():
    loss = FeatureMSELoss()
    assert as_distillation_loss(loss) is loss
    assert type(as_distillation_loss(Plain())) is ForeignLoss


def test_defaults_are_those_of_the_base():
    loss = ForeignLoss(Plain())
    assert loss.same_shape and not loss.maps_only and loss.fixed == ()
    assert not loss.between_heads and not loss.takes_levels
    assert loss.schedules == {} and loss.metrics() == {}
    assert loss.student_weights(Progress()) == {}


def test_what_the_module_says_counts():
    module = Talking()
    loss = ForeignLoss(module)
    assert not loss.same_shape and loss.maps_only and loss.fixed == ('b', )
    assert loss.schedules is module.schedules
    assert loss.metrics() == dict(seen=1)
    assert loss.called() == module.forward


def test_its_weights_keep_their_names():
    module = nn.Conv2d(1, 1, 1)
    assert not isinstance(ForeignLoss(module), nn.Module)
    assert ForeignLoss(module).module is module


def test_it_is_called_once_per_level():
    a = [torch.ones(2), torch.ones(3)]
    b = [torch.zeros(2), torch.zeros(3)]
    total, levels = ForeignLoss(Plain()).terms(dict(a=a, b=b, factor=2.0),
                                               {'a', 'b'})
    assert [level.item() for level in levels] == [4, 6]
    assert total.item() == 10


def test_it_is_called_once_without_levels():
    total, levels = ForeignLoss(Plain()).terms(
        dict(a=torch.ones(2), b=torch.zeros(2)), set())
    assert total.item() == 2 and levels == [total]


def test_other_numbers_of_levels_are_refused():
    with pytest.raises(ValueError, match=r'numbers of levels: \[1, 2\]'):
        ForeignLoss(Plain()).terms(
            dict(a=[torch.ones(2)], b=[torch.ones(2)] * 2), {'a', 'b'})
