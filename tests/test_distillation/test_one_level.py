"""A range of one level against one level works on either side."""
import pytest
import torch

from tests.helpers.toys import build, mse, step, toy


@pytest.mark.parametrize('channels', [6, 9])
@pytest.mark.parametrize('student, teacher', [
    ('neck', 't:neck[0]'),
    ('neck[0]', 't:neck'),
    ('neck[:1]', 't:neck[0]'),
])
def test_both_forms_are_one(student, teacher, channels):

    def loss(*addresses):
        model = build(
            student=toy(levels=1),
            teacher=dict(cfg=toy(levels=1, out_channels=channels),
                         random=True), loss_a=mse(*addresses))
        return step(model)['distill/loss_a']

    torch.testing.assert_close(loss(student, teacher),
                               loss('neck[0]', 't:neck[0]'))
