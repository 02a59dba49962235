import pytest
import torch
import torch.nn.functional as F

import mmxkd  # noqa: F401  (repairs the import of mmrazor)
from mmxkd.losses import AttentionTransferLoss
from tests.helpers.feature_maps import maps
from tests.helpers.stacks import needs
from tests.helpers.waves import STUDENT, TEACHERS, wave


def test_golden_numbers():
    loss = AttentionTransferLoss()
    assert [v.item() for v in loss.levels(STUDENT, TEACHERS[0])
            ] == pytest.approx([0.0034369053, 0.025613256], rel=1e-6)
    assert loss(STUDENT, TEACHERS[0]).item() == pytest.approx(
        0.0034369053 + 0.025613256, rel=1e-6)


@pytest.mark.parametrize('student, teacher, expected', [
    ((2, 3, 4, 4), (2, 3, 2, 2), 0.013382711),
    ((2, 3, 2, 2), (2, 3, 4, 4), 0.067851119),
])
def test_golden_numbers_of_other_sizes(student, teacher, expected):
    value = AttentionTransferLoss()(wave(student, 0.7), wave(teacher, 1.1))
    assert value.item() == pytest.approx(expected, rel=1e-6)


def test_by_hand():
    """Attention (0.6, 0.8) and (1, 0)."""
    student = torch.tensor([[[[3**0.5, 2.]]]])
    teacher = torch.tensor([[[[5., 0.]], [[0., 0.]]]])
    assert AttentionTransferLoss()(student, teacher).item() == pytest.approx(
        (0.4**2 + 0.8**2) / 2)


@pytest.mark.parametrize('shape', [(2, 3, 4, 4), (1, 8, 7, 5), (3, 2, 1, 9),
                                   (2, 16, 20, 30)])
def test_equals_mmrazor(shape):
    opponent = needs('mmrazor.models.losses').ATLoss()
    (s, ), (t, ) = maps(shape), maps(shape, seed=1)
    gradients = []
    for loss in (AttentionTransferLoss(), opponent):
        leaf = s.clone().requires_grad_()
        value = loss(leaf, t)
        value.backward()
        gradients.append(leaf.grad)
        assert value.item() == pytest.approx(opponent(s, t).item(), rel=1e-6)
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize('student, teacher, size', [
    ((2, 3, 8, 12), (2, 5, 4, 6), (4, 6)),
    ((2, 3, 4, 6), (2, 5, 8, 12), (4, 6)),
    ((2, 3, 4, 12), (2, 5, 8, 6), (4, 6)),
    ((2, 3, 5, 7), (2, 5, 5, 4), (5, 4)),
])
def test_both_go_to_the_smaller_height_and_width(student, teacher, size):
    (s, ), (t, ) = maps(student), maps(teacher, seed=1)
    loss = AttentionTransferLoss()
    expected = loss(F.adaptive_avg_pool2d(s, size),
                    F.adaptive_avg_pool2d(t, size))
    assert loss(s, t).item() == expected.item()


@pytest.mark.parametrize('p', [1, 2, 3, 4])
def test_scale_of_features_does_not_count(p):
    loss = AttentionTransferLoss(p)
    (s, ), (t, ) = maps((2, 3, 4, 6)), maps((2, 3, 4, 6), seed=1)
    value = loss(s, t).item()
    assert value > 0
    assert loss(8 * s, t / 8).item() == pytest.approx(value, rel=1e-6)
    assert loss(t, s).item() == pytest.approx(value, rel=1e-6)
    assert loss(s, 2 * s).item() == 0


def test_images_must_be_as_many():
    with pytest.raises(
            ValueError, match=r'level 1 is \(1, 2, 4, 4\) .*'
            r'\(2, 2, 4, 4\) in the teacher; expected one N'):
        one, two = torch.zeros(1, 2, 4, 4), torch.zeros(2, 2, 4, 4)
        AttentionTransferLoss()([one, one], [one, two])


def test_power_must_be_a_positive_integer():
    with pytest.raises(ValueError, match='p=-2'):
        AttentionTransferLoss(p=-2)
