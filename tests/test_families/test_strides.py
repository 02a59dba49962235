"""Levels of other strides are noticed, whatever a resize could do."""
import pytest
import torch

from mmxkd.families.strides import size_of, stride_hint
from tests.helpers.toys import build, mse, toy


def maps(*sides):
    return [torch.zeros(1, 2, side, side) for side in sides]


@pytest.mark.parametrize(
    'student, teacher, hint',
    [
        ((64, 32, 16), (64, 32, 16), ''),
        # One neck rounds up, the other down.
        ((25, 13, 7), (25, 12, 6), ''),
        ((4, 2, 1), (4, 2, 1), ''),
        ((16, 32, 64), (64, 32, 16), 'run from fine to coarse'),
        ((64, 32, 16),
         (32, 16, 8), r'from level 1 of the student on: take \[1:\] '
         r"of its levels and \[:-1\] of the teacher's"),
        ((32, 16, 8), (64, 32, 16), 'from level 1 of the teacher on'),
        ((64, 32, 16, 8), (16, 8, 4, 2), r'from level 2 .* \[2:\]'),
        ((64, 32), (48, 24), 'no range of them matches'),
        ((32, ), (16, ), 'no range of them matches'),
        # A stride that differs by 2 is no rounding, on small maps either.
        ((2, ), (1, ), 'no range of them matches'),
    ])
def test_hints(student, teacher, hint):
    import re
    found = stride_hint(maps(*student), maps(*teacher))
    assert re.search(hint, found) if hint else found == ''


def test_what_is_not_a_map_has_no_stride():
    assert stride_hint([torch.zeros(2, 9)], [torch.zeros(2, 9)]) == ''
    assert size_of(torch.zeros(1, 3, 4, 5)) == '4×5'
    assert size_of(torch.zeros(2, 9)) == '2×9'


def test_a_warning_when_the_model_is_built(monkeypatch):
    said = []
    monkeypatch.setattr('mmxkd.distillation.bound_loss.print_log',
                        lambda text, **_: said.append(text))
    build(loss_a=mse('neck', 'neck'))
    assert not said
    build(student=toy(levels=3), teacher=dict(cfg=toy(levels=3), random=True),
          loss_a=mse('neck[1:3]', 'neck[0:2]'))
    assert len(said) == 1 and said[0].startswith(
        "distiller loss 'loss_a': student:neck[1:3] and t:neck[0:2] pair "
        'levels of other strides')
    assert 'from level 1 of the teacher on' in said[0]
