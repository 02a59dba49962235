import math

import pytest
import torch

import mmxkd  # noqa: F401  (repairs the import of mmrazor)
from mmxkd.losses import SoftLabelKLLoss
from tests.helpers.feature_maps import maps
from tests.helpers.stacks import needs
from tests.helpers.waves import wave


@pytest.mark.parametrize('shape, expected', [
    ((2, 5), 0.50144887),
    ((2, 6, 3), 1.4090616),
])
def test_golden_numbers(shape, expected):
    value = SoftLabelKLLoss()(wave(shape, 0.7), wave(shape, 1.1))
    assert value.item() == pytest.approx(expected, rel=1e-6)


def test_levels_are_summed():
    shapes = ((2, 5), (2, 6, 3))
    value = SoftLabelKLLoss()([wave(s, 0.7) for s in shapes],
                              [wave(s, 1.1) for s in shapes])
    assert value.item() == pytest.approx(0.50144887 + 1.4090616, rel=1e-6)


def slow_kl(student, teacher, tau):
    """Of one prediction, over its classes."""

    def probabilities(z):
        e = [math.exp(v / tau) for v in z]
        return [v / math.fsum(e) for v in e]

    return tau**2 * math.fsum(t * math.log(t / s) for s, t in zip(
        probabilities(student), probabilities(teacher), strict=True))


def slow_binary(student, teacher, tau):
    total = 0.0
    for s, t in zip(student, teacher, strict=True):
        p, q = (1 / (1 + math.exp(-v / tau)) for v in (s, t))
        total += q * math.log(q / p) + (1 - q) * math.log((1 - q) / (1 - p))
    return tau**2 * total


@pytest.mark.parametrize('activation, slow', [('softmax', slow_kl),
                                              ('sigmoid', slow_binary)])
@pytest.mark.parametrize('tau', [1.0, 3.0])
@pytest.mark.parametrize('num_classes', [None, 3, 2, 6])
def test_against_a_slow_loop(activation, slow, tau, num_classes):
    (s, ), (t, ) = maps((2, 6, 2, 3)), maps((2, 6, 2, 3), seed=1)
    k = num_classes or 6
    terms = [
        slow(s[n, a:a + k, y, x].tolist(), t[n, a:a + k, y, x].tolist(), tau)
        for n in range(2) for a in range(0, 6, k) for y in range(2)
        for x in range(3)
    ]
    options = dict(temperature=tau, activation=activation,
                   num_classes=num_classes)
    for reduction, count in (('batchmean', 2), ('mean', len(terms))):
        value = SoftLabelKLLoss(reduction=reduction, **options)(s, t)
        assert value.item() == pytest.approx(sum(terms) / count, rel=1e-5)


@pytest.mark.parametrize('dim, axis', [(-1, 2), (2, 2), (0, 0), (-2, 1)])
@pytest.mark.parametrize('activation', ['softmax', 'sigmoid'])
def test_class_axis(dim, axis, activation):
    (s, ), (t, ) = maps((4, 4, 4)), maps((4, 4, 4), seed=1)
    options = dict(activation=activation, reduction='mean', num_classes=2)
    value = SoftLabelKLLoss(dim=dim, **options)(s, t)
    expected = SoftLabelKLLoss(**options)(s.movedim(axis, 1),
                                          t.movedim(axis, 1))
    assert value.item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize('shape', [(4, 10), (2, 6, 5, 7)])
@pytest.mark.parametrize('tau', [1.0, 4.0])
def test_equals_mmrazor(shape, tau):
    opponent = needs('mmrazor.models.losses').KLDivergence(tau)
    (s, ), (t, ) = maps(shape), maps(shape, seed=1)
    values, gradients = [], []
    for loss in (SoftLabelKLLoss(tau), opponent):
        leaf = s.clone().requires_grad_()
        value = loss(leaf, t)
        value.backward()
        values.append(value.item())
        gradients.append(leaf.grad)
    assert values[0] == pytest.approx(values[1], rel=1e-5)
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize('activation', ['softmax', 'sigmoid'])
def test_certain_logits_stay_finite(activation):
    student = torch.tensor([[1e4, -1e4, 0.]], requires_grad=True)
    value = SoftLabelKLLoss(1.0, activation=activation)(student, -student)
    value.backward()
    assert value.isfinite() and value > 0
    assert student.grad.isfinite().all()


@pytest.mark.parametrize('reduction', ['batchmean', 'mean'])
def test_no_prediction_at_all(reduction):
    student = torch.zeros(0, 5, requires_grad=True)
    value = SoftLabelKLLoss(reduction=reduction)(student, torch.zeros(0, 5))
    value.backward()
    assert value.item() == 0
    assert student.grad.shape == (0, 5)


X = torch.zeros(2, 6, 3, 4)


@pytest.mark.parametrize('options, student, teacher, message', [
    (dict(), X, X[:, :5], r'level 0 is \(2, 6, 3, 4\) in the student'),
    (dict(), [X, X], [X], 'student has 2 levels, the teacher 1'),
    (dict(num_classes=4), X, X,
     'level 0 has 6 entries on axis 1, no multiple of num_classes=4'),
    (dict(dim=4), X, X, 'level 0 has 4 axes, no axis 4'),
])
def test_what_does_not_fit_is_refused(options, student, teacher, message):
    with pytest.raises(ValueError, match=message):
        SoftLabelKLLoss(**options)(student, teacher)


@pytest.mark.parametrize('options, message', [
    (dict(reduction='sum'), "reduction='sum', expected one of"),
    (dict(activation='tanh'), "activation='tanh', expected one of"),
    (dict(temperature=-1), 'temperature=-1'),
    (dict(num_classes=0), 'num_classes=0'),
])
def test_unknown_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SoftLabelKLLoss(**options)
