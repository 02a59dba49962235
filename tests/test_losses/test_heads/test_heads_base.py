"""What a loss between two heads needs of its config and of the heads."""
import pytest
import torch
from torch import nn

from mmxkd.errors import ConfigError
from mmxkd.losses import HeadLoss
from mmxkd.losses.heads.base import require_attributes, require_equal
from tests.helpers.tiny_heads import distilled, on, ssd


class Same(HeadLoss):
    """One layer of both heads."""

    def check(self, student, teacher):
        require_attributes(teacher, ('weight', 'bias'), 'teacher')
        require_equal(student.in_features, teacher.in_features, 'in_features')

    def reads(self, student, teacher):
        return dict(s=f'student:{student}', t=f'teacher:{teacher}')

    def forward(self, s, t):
        self._note(gap=(s - t).abs().sum())
        return (s - t).square().sum()


def test_heads_are_compared_before_they_are_read():
    loss = Same()
    assert loss.between_heads and not loss.same_shape
    assert loss.bind_heads(('a.b', 'c'), nn.Linear(3, 1),
                           nn.Linear(3, 2)) == (dict(s='student:a.b',
                                                     t='teacher:c'))
    assert loss.teacher_head == 'c'
    with pytest.raises(ValueError, match='Identity of the teacher has no '
                       'weight, bias'):
        loss.bind_heads(('a', 'c'), nn.Linear(3, 1), nn.Identity())
    with pytest.raises(ValueError, match='differ in in_features: 3 and 4'):
        loss.bind_heads(('a', 'c'), nn.Linear(3, 1), nn.Linear(4, 1))


def test_terms_of_the_last_call_are_logged_without_gradient():
    loss = Same()
    assert loss.metrics() == {}
    s = torch.ones(2, requires_grad=True)
    total, parts = loss.terms(dict(s=s, t=torch.zeros(2) - 1), set())
    assert total.item() == parts[0].item() == 8
    (gap, ) = loss.metrics().values()
    assert gap.item() == 4 and not gap.requires_grad


@pytest.mark.parametrize('loss, message', [
    (on('backbone'), 'MobileNetV2 of the student has no num_classes'),
    (on('bbox_head', connector=None), 'takes no connector'),
    (on('bbox_head[0]'), r"'bbox_head\[0\]' is a value"),
    (dict(type='ChenDenseHeadLoss', student='bbox_head',
          inputs=dict(t_prediction='t:bbox_head')), "takes 'student' and"),
    (on('bbox_head', bound='image'), "bound='image'"),
    (on('bbox_head', 'ChenRoIHeadLoss'), 'SSDHead of the student has no '),
])
def test_configs_that_are_refused(loss, message):
    with pytest.raises(ConfigError, match=message):
        distilled(ssd(), loss_head=loss)
