import math
import statistics

import pytest
import torch

import mmxkd  # noqa: F401  (repairs the import of mmrazor)
from mmxkd.losses import PKDLoss
from tests.helpers.feature_maps import maps, value_and_gradient
from tests.helpers.stacks import needs

SHAPES = [(2, 3, 4, 4), (1, 8, 7, 5), (3, 2, 1, 9), (2, 16, 20, 30)]


def slow_pkd(student, teacher):
    """By the correlation of each channel, without its small constant."""
    losses = []
    for s, t in zip(
            student.transpose(0, 1).flatten(1).tolist(),
            teacher.transpose(0, 1).flatten(1).tolist(), strict=True):
        rho = statistics.correlation(s, t)
        losses.append((1 - rho) * (len(s) - 1) / len(s))
    return math.fsum(losses) / len(losses)


@pytest.mark.parametrize('shape', SHAPES)
def test_is_one_minus_correlation(shape):
    (s, ), (t, ) = maps(shape), maps(shape, seed=1)
    assert PKDLoss()(s, t).item() == pytest.approx(slow_pkd(s, t), rel=1e-5)


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize('scale, offset', [(1, 0), (0.01, 0), (5, 20)])
def test_equals_mmrazor(shape, scale, offset):
    opponent = needs('mmrazor.models.losses').PKDLoss()
    (s, ), (t, ) = maps(shape), maps(shape, seed=1)
    s = scale * s + offset
    ours, gradient = value_and_gradient(PKDLoss(), s, t)
    theirs, expected = value_and_gradient(opponent, s, t)
    assert ours == pytest.approx(theirs, rel=1e-5)
    torch.testing.assert_close(gradient, expected, rtol=1e-4,
                               atol=1e-5 * expected.abs().max().item())


def test_float64_equals_mmrazor_closely():
    opponent = needs('mmrazor.models.losses').PKDLoss()
    (s, ), (t, ) = (maps((2, 3, 6, 5), seed=i, dtype=torch.float64)
                    for i in (0, 1))
    ours, gradient = value_and_gradient(PKDLoss(), s, t)
    theirs, expected = value_and_gradient(opponent, s, t)
    assert ours == pytest.approx(theirs, rel=1e-12)
    torch.testing.assert_close(gradient, expected, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize('resize_stu', [True, False])
@pytest.mark.parametrize('size', [(2, 3), (8, 10), (7, 5)])
def test_resizing_equals_mmrazor(resize_stu, size):
    opponent = needs('mmrazor.models.losses').PKDLoss(resize_stu=resize_stu)
    (s, ), (t, ) = maps((2, 3, 4, 5)), maps((2, 3, *size), seed=1)
    ours, gradient = value_and_gradient(PKDLoss(resize_stu), s, t)
    theirs, expected = value_and_gradient(opponent, s, t)
    assert ours == pytest.approx(theirs, rel=1e-5)
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-7)


def test_widths_may_differ_alone_where_mmrazor_fails():
    opponent = needs('mmrazor.models.losses').PKDLoss()
    (s, ), (t, ) = maps((2, 3, 4, 5)), maps((2, 3, 4, 8), seed=1)
    with pytest.raises(AssertionError):
        opponent(s, t)
    resized = torch.nn.functional.interpolate(s, (4, 8), mode='bilinear')
    assert PKDLoss()(s, t).item() == pytest.approx(
        opponent(resized, t).item(), rel=1e-5)


def test_levels_are_summed_as_in_mmrazor():
    opponent = needs('mmrazor.models.losses').PKDLoss()
    student, teacher = maps(*SHAPES), maps(*SHAPES, seed=1)
    assert PKDLoss()(student, teacher).item() == pytest.approx(
        opponent(tuple(student), tuple(teacher)).item(), rel=1e-5)


def test_scale_and_offset_do_not_count():
    (s, ), (t, ) = maps((2, 3, 4, 5)), maps((2, 3, 4, 5), seed=1)
    value = PKDLoss()(s, t).item()
    assert PKDLoss()(3 * s + 5,
                     t / 4 - 1).item() == pytest.approx(value, rel=1e-4)
    assert PKDLoss()(t, s).item() == pytest.approx(value, rel=1e-6)
    assert PKDLoss()(s, 3 * s + 5).item() == pytest.approx(0, abs=1e-10)
    # Against the opposite, a correlation of -1 over 40 numbers.
    assert PKDLoss()(s, -s).item() == pytest.approx(2 * 39 / 40, rel=1e-5)


@pytest.mark.parametrize('constant', [0.0, 0.1, -1e4])
def test_a_constant_channel_takes_no_gradient(constant):
    opponent = needs('mmrazor.models.losses').PKDLoss()
    (s, ), (t, ) = maps((2, 3, 4, 5)), maps((2, 3, 4, 5), seed=1)
    s[:, 1] = constant
    value, gradient = value_and_gradient(PKDLoss(), s, t)
    assert (gradient[:, 1] == 0).all()
    assert gradient[:, ::2].abs().max() < 0.1
    _, theirs = value_and_gradient(opponent, s, t)
    assert theirs.abs().max() > 1e3
    # The value is the one of a correlation of 0 there.
    known = (PKDLoss()(s[:, ::2], t[:, ::2]).item() * 2 + 39 / 40 / 2) / 3
    assert value == pytest.approx(known, rel=1e-5)


def test_one_cell_has_no_deviation():
    value, gradient = value_and_gradient(PKDLoss(), torch.ones(1, 3, 1, 1),
                                         torch.zeros(1, 3, 1, 1))
    assert value == 0 and (gradient == 0).all()


@pytest.mark.parametrize('student, teacher', [((1, 2, 4, 4), (1, 3, 4, 4)),
                                              ((1, 2, 4, 4), (2, 2, 4, 4))])
def test_channels_and_images_must_agree(student, teacher):
    with pytest.raises(ValueError, match='level 0 is .* expected one N, C'):
        PKDLoss()(torch.zeros(student), torch.zeros(teacher))
