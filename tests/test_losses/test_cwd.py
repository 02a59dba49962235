import math

import pytest
import torch

import mmxkd  # noqa: F401  (repairs the import of mmrazor)
from mmxkd.losses import ChannelWiseDistillationLoss
from tests.helpers.feature_maps import maps, value_and_gradient
from tests.helpers.stacks import needs

SHAPES = [(2, 3, 4, 4), (1, 8, 7, 5), (3, 2, 1, 9), (2, 16, 20, 30)]


def slow_cwd(student, teacher, tau):
    n, c = student.shape[:2]
    total = 0.0
    for s, t in zip(
            student.reshape(n * c, -1).tolist(),
            teacher.reshape(n * c, -1).tolist(), strict=True):
        p, q = ([math.exp(v / tau) for v in row] for row in (s, t))
        p, q = ([v / math.fsum(row) for v in row] for row in (p, q))
        total += math.fsum(b * math.log(b / a)
                           for a, b in zip(p, q, strict=True))
    return total * tau**2 / (n * c)


@pytest.mark.parametrize('tau', [1.0, 4.0, 0.5])
def test_against_a_slow_loop(tau):
    (s, ), (t, ) = maps((2, 3, 4, 5)), maps((2, 3, 4, 5), seed=1)
    value = ChannelWiseDistillationLoss(tau)(s, t)
    assert value.item() == pytest.approx(slow_cwd(s, t, tau), rel=1e-5)
    precise = ChannelWiseDistillationLoss(tau)(s.double(), t.double())
    assert precise.item() == pytest.approx(slow_cwd(s, t, tau), rel=1e-12)


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize('tau', [1.0, 4.0])
def test_equals_mmrazor(shape, tau):
    opponent = needs('mmrazor.models.losses').ChannelWiseDivergence(tau)
    (s, ), (t, ) = maps(shape), maps(shape, seed=1)
    ours, gradient = value_and_gradient(ChannelWiseDistillationLoss(tau), s, t)
    theirs, expected = value_and_gradient(opponent, s, t)
    assert ours == pytest.approx(theirs, rel=1e-5)
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-7)


def test_channels_last_where_mmrazor_fails():
    opponent = needs('mmrazor.models.losses').ChannelWiseDivergence()
    (s, ), (t, ) = maps((2, 8, 6, 5)), maps((2, 8, 6, 5), seed=1)
    last = s.contiguous(memory_format=torch.channels_last)
    with pytest.raises(RuntimeError, match='view'):
        opponent(last, t)
    assert ChannelWiseDistillationLoss()(last, t).item() == pytest.approx(
        opponent(s, t).item(), rel=1e-5)


def test_levels_are_summed():
    student, teacher = maps(*SHAPES), maps(*SHAPES, seed=1)
    loss = ChannelWiseDistillationLoss(2.0)
    expected = sum(
        loss(s, t).item() for s, t in zip(student, teacher, strict=True))
    assert loss(student, teacher).item() == pytest.approx(expected, rel=1e-6)


def test_gradient_in_closed_form():
    (s, ), (t, ) = (maps((2, 3, 4, 5), seed=i, dtype=torch.float64)
                    for i in (0, 1))
    _, gradient = value_and_gradient(ChannelWiseDistillationLoss(4.0), s, t)
    p, q = ((f.flatten(2) / 4).softmax(-1).reshape(s.shape) for f in (s, t))
    torch.testing.assert_close(gradient, 4 * (p - q) / 6)


def test_a_constant_on_a_channel_does_not_count():
    (s, ), (t, ) = maps((2, 3, 4, 5)), maps((2, 3, 4, 5), seed=1)
    loss = ChannelWiseDistillationLoss()
    (offset, ) = maps((2, 3, 1, 1), seed=2)
    assert loss(s + offset, t - offset).item() == pytest.approx(
        loss(s, t).item(), rel=1e-5)


def test_no_image_at_all():
    student = torch.zeros(0, 4, 7, 7, requires_grad=True)
    value = ChannelWiseDistillationLoss()(student, torch.zeros(0, 4, 7, 7))
    value.backward()
    assert value.item() == 0
    assert student.grad.shape == (0, 4, 7, 7)


def test_sizes_must_agree():
    one, two = torch.zeros(1, 2, 4, 4), torch.zeros(1, 2, 4, 3)
    with pytest.raises(ValueError, match='level 1 is'):
        ChannelWiseDistillationLoss()([one, one], [one, two])


def test_temperature_must_be_positive():
    with pytest.raises(ValueError, match='tau=0'):
        ChannelWiseDistillationLoss(0)
