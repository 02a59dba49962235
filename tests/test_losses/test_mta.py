import math

import pytest
import torch

from mmxkd.losses import MultiTeacherAlignmentLoss, attention_map
from mmxkd.losses.mta import joint_attention
from mmxkd.registry import MODELS
from tests.helpers.feature_maps import maps
from tests.helpers.waves import STUDENT, TEACHERS

JOINT = TEACHERS


def values(levels):
    return [v.item() for v in levels]


def doubled(value):
    if isinstance(value, list):
        return [doubled(v) for v in value]
    return value.double()


@pytest.mark.parametrize('teachers, temperature, expected', [
    (TEACHERS[0], 9, [-2.8350813, -1.6362815]),
    (TEACHERS[1], 9, [-2.8350849, -1.6362664]),
    (TEACHERS[2], 9, [-2.8350885, -1.6361870]),
    (JOINT, 9, [-2.8350883, -1.6362300]),
    (JOINT, 1, [-2.8350291, -1.6308694]),
])
def test_golden_numbers_as_published(teachers, temperature, expected):
    loss = MultiTeacherAlignmentLoss(mode='as_published',
                                     temperature=temperature)
    assert values(loss.levels(STUDENT,
                              teachers)) == pytest.approx(expected, rel=2e-7)
    assert loss(STUDENT,
                teachers).item() == pytest.approx(sum(expected), rel=2e-7)


@pytest.mark.parametrize('teachers, temperature, expected', [
    (TEACHERS[0], 9, [2.1249e-5, 1.48728e-4]),
    (JOINT, 9, [1.47596e-5, 2.55048e-4]),
    (JOINT, 1, [1.1878014e-3, 2.1019220e-2]),
])
def test_golden_numbers_of_the_corrected_form(teachers, temperature, expected):
    # Differences of logarithms of 2.8, taken in float32 by those who noted
    # them: no more than its rounding, 1.2e-7, can agree. The slow form below
    # says which digits are right.
    loss = MultiTeacherAlignmentLoss(temperature=temperature)
    assert values(loss.levels(STUDENT, teachers)) == pytest.approx(
        expected, abs=1.2e-7)


@pytest.mark.parametrize('mode, total, first, tolerance', [
    ('as_published', 1.49508e-5, -2.1974e-7, 1e-5),
    ('kl', 3.35275e-4, -3.45148e-6, 2e-5),
])
def test_golden_gradients(mode, total, first, tolerance):
    student = STUDENT[0].clone().requires_grad_()
    MultiTeacherAlignmentLoss(mode=mode)(student, TEACHERS[0][0]).backward()
    assert student.grad.abs().sum().item() == pytest.approx(
        total, rel=tolerance)
    assert student.grad[0, 0, 0,
                        0].item() == pytest.approx(first, rel=tolerance)


def slow_attention(image, p):
    channels = [c.flatten().tolist() for c in image]
    energy = [
        math.fsum(v**p for v in cell) / len(channels)
        for cell in zip(*channels, strict=True)
    ]
    norm = math.sqrt(math.fsum(e * e for e in energy))
    return [e / norm for e in energy]


def slow_probabilities(row, temperature):
    exponentials = [math.exp(v / temperature) for v in row]
    total = math.fsum(exponentials)
    return [e / total for e in exponentials]


def slow_mta(student, teachers, temperature, p):
    """The corrected divergence of one level, number by number."""
    per_image = []
    for n in range(len(student)):
        target = slow_attention(teachers[0][n], p)
        for other in teachers[1:]:
            target = [
                a * b for a, b in zip(target, slow_attention(other[n], p),
                                      strict=True)
            ]
        if len(teachers) > 1:
            total = math.fsum(map(abs, target))
            target = [v / total for v in target]
        p_t = slow_probabilities(target, temperature)
        p_s = slow_probabilities(slow_attention(student[n], p), temperature)
        per_image.append(
            math.fsum(t * math.log(t / s)
                      for t, s in zip(p_t, p_s, strict=True)))
    return math.fsum(per_image) / len(per_image)


@pytest.mark.parametrize('number', [1, 2, 3])
@pytest.mark.parametrize('temperature, p', [(9, 2), (1, 2), (0.1, 3)])
def test_against_a_slow_form(number, temperature, p):
    loss = MultiTeacherAlignmentLoss(temperature=temperature, p=p)
    expected = [
        slow_mta(STUDENT[i], [t[i] for t in TEACHERS[:number]], temperature, p)
        for i in range(2)
    ]
    assert values(loss.levels(STUDENT, TEACHERS[:number])) == pytest.approx(
        expected, rel=1e-5)
    assert values(loss.levels(doubled(STUDENT),
                              doubled(TEACHERS[:number]))) == pytest.approx(
                                  expected, rel=1e-9)


def test_gradients_in_closed_form():
    """With respect to z = a(s) / T, chained to the feature by autograd."""
    (student, ) = maps((2, 4, 5, 3), dtype=torch.float64)
    (teacher, ) = maps((2, 7, 5, 3), seed=1, dtype=torch.float64)
    student.requires_grad_()
    z = attention_map(student) / 9
    p_s = z.softmax(1).detach()
    p_t = (attention_map(teacher) / 9).softmax(1)
    expected = {
        'kl': p_s - p_t,
        'as_published': -p_s * (p_t - (p_s * p_t).sum(1, keepdim=True)),
    }
    for mode, gradient in expected.items():
        (wanted, ) = torch.autograd.grad(z, student, gradient / 2,
                                         retain_graph=True)
        (found, ) = torch.autograd.grad(
            MultiTeacherAlignmentLoss(mode=mode)(student, teacher), student)
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-15)


def test_published_form_hardly_teaches():
    """A value that says nothing, and a gradient of the order of 1 / HW."""
    (student, ), (teacher, ) = maps((1, 8, 20, 30)), maps((1, 8, 20, 30),
                                                          seed=1)
    gradients = {}
    for mode in ('kl', 'as_published'):
        leaf = student.clone().requires_grad_()
        value = MultiTeacherAlignmentLoss(mode=mode)(leaf, teacher)
        value.backward()
        gradients[mode] = leaf.grad
    assert value.item() == pytest.approx(-math.log(600) - 1 / 600, abs=1e-4)
    share = gradients['as_published'].norm() / gradients['kl'].norm()
    assert 0.3 / 600 < share.item() < 3 / 600


def test_at_high_temperature_it_is_a_squared_distance():
    """Over 2 τ² HW: what says how to weigh it."""
    (s, t) = maps((2, 3, 6, 8), (2, 5, 6, 8))
    a, q = attention_map(s), attention_map(t)
    distance = (a - q).square().sum(1).mean().item()
    assert MultiTeacherAlignmentLoss()(s, t).item() == pytest.approx(
        distance / (2 * 9**2 * 48), rel=0.02)


def test_is_zero_where_the_student_equals_one_teacher():
    for fusion in ('joint', 'summed'):
        loss = MultiTeacherAlignmentLoss(fusion)
        assert loss(STUDENT, STUDENT).item() == 0
        assert loss(STUDENT, [STUDENT]).item() == 0
    assert MultiTeacherAlignmentLoss('summed')(STUDENT,
                                               [STUDENT] * 3).item() == 0


def test_is_never_negative():
    loss = MultiTeacherAlignmentLoss()
    for seed in range(20):
        s, *teachers = maps(*[(2, 3, 4, 6)] * 4, seed=seed)
        assert loss(s, teachers).item() > 0
        # Also where hardly anything is left of it.
        assert loss(s, s + 1e-4 * teachers[0]).item() >= 0


def test_joint_does_not_know_an_order_of_teachers():
    loss = MultiTeacherAlignmentLoss(temperature=0.1)
    value = loss(STUDENT, TEACHERS).item()
    for order in ([1, 2, 0], [2, 1, 0], [0, 2, 1]):
        assert loss(STUDENT,
                    [TEACHERS[i]
                     for i in order]).item() == pytest.approx(value, rel=1e-6)


@pytest.mark.parametrize('scale', [1e-12, 1e-3, 7.0, 1e9])
def test_scale_of_features_does_not_count(scale):
    loss = MultiTeacherAlignmentLoss(temperature=0.1)
    value = loss(STUDENT[0], [t[0] for t in TEACHERS]).item()
    assert loss(
        scale * STUDENT[0],
        [TEACHERS[0][0] / scale, TEACHERS[1][0], scale * TEACHERS[2][0]
         ]).item() == pytest.approx(value, rel=1e-5)


def test_summed_is_the_sum_of_single_teachers():
    loss = MultiTeacherAlignmentLoss('summed')
    expected = sum(loss(STUDENT, t).item() for t in TEACHERS)
    assert loss(STUDENT, TEACHERS).item() == pytest.approx(expected, rel=1e-6)


def test_joint_target_by_hand():
    one, two = torch.tensor([[0.6, 0.8, 0.]]), torch.tensor([[0.8, 0., 0.6]])
    assert joint_attention([one, two]).tolist() == [[1, 0, 0]]
    even = torch.full((1, 4), 0.5)
    skew = torch.tensor([[0.1, 0.3, 0.9, 0.3]])
    torch.testing.assert_close(joint_attention([even, skew]),
                               skew.double() / 1.6, rtol=1e-6, atol=0)


def test_many_teachers_do_not_vanish():
    """A product of thirty maps of 600 cells is below 1e-40."""
    teachers = maps(*[(1, 3, 20, 30)] * 30)
    target = joint_attention([attention_map(t) for t in teachers])
    assert target.sum().item() == pytest.approx(1, rel=1e-9)
    logs = sum(attention_map(t).double().log() for t in teachers)
    torch.testing.assert_close(target, logs.softmax(1), rtol=1e-4, atol=1e-12)


def test_teachers_that_look_nowhere_in_common():
    """Nothing is known then: the target is the uniform distribution."""
    left, right = torch.zeros(2, 1, 2, 4, 4).unbind()
    left[..., :2], right[..., 2:] = 1, 1
    (student, ) = maps((1, 2, 4, 4))
    student.requires_grad_()
    value = MultiTeacherAlignmentLoss()(student, [left, right])
    value.backward()
    uniform = torch.full((1, 16), 1 / 16)
    p_s = (attention_map(student) / 9).softmax(1)
    expected = (uniform * (uniform / p_s).log()).sum()
    assert value.item() == pytest.approx(expected.item(), abs=1e-7)
    assert student.grad.isfinite().all()


@pytest.mark.parametrize('p', [1, 2, 3])
def test_a_zero_map_takes_no_gradient(p):
    student = torch.zeros(2, 3, 4, 4)
    student[1] = 1
    student.requires_grad_()
    MultiTeacherAlignmentLoss(p=p)(student,
                                   torch.ones(2, 3, 4, 4) + 1).backward()
    assert (student.grad[0] == 0).all()
    assert student.grad.isfinite().all()


def test_forms_of_the_call():
    loss = MultiTeacherAlignmentLoss()
    level, (a, b, c) = STUDENT[0], (t[0] for t in TEACHERS)
    one = loss(level, a).item()
    # One teacher.
    assert loss([level], [a]).item() == one
    assert loss((level, ), (a, )).item() == one
    assert loss(level, [a]).item() == one
    assert loss([level], [[a]]).item() == one
    # Several: a list more than the student has.
    several = loss(level, [a, b, c]).item()
    assert several != one
    assert loss([level], [[a], [b], [c]]).item() == several
    assert loss(level, ([a], (b, ), c)).item() == several
    # Levels of one teacher are no teachers.
    assert loss(STUDENT, TEACHERS[0]).item() == pytest.approx(
        sum(
            loss(s, t).item()
            for s, t in zip(STUDENT, TEACHERS[0], strict=True)), rel=1e-6)


X, Y = torch.zeros(1, 2, 4, 6), torch.zeros(1, 2, 2, 3)


@pytest.mark.parametrize('student, teacher, message', [
    ([X, Y], [X], 'student has 2 levels, teacher 0 has 1'),
    ([X], [X, X], 'student has 1 levels, teacher 0 has 2'),
    ([X, Y], [[X, Y], [X]], 'student has 2 levels, teacher 1 has 1'),
    ([X, Y], [[X, Y], [X, X]
              ], r"level 1 is 2×3 in the student, 4×6 in teacher 1; .*"
     r"'AlignConnector', in_channels=2"),
    (X, [X, X[:, :1], Y], 'level 0 is 4×6 .* 2×3 in teacher 2'),
    (X, X[..., :3, :], 'level 0 is 4×6 .* 3×6 in teacher 0'),
    (X, X.repeat(2, 1, 1, 1), r'level 0 .* \(2, 2, 4, 6\) in teacher 0'),
    (X, X[0], r'level 0 .* \(2, 4, 6\) in teacher 0'),
    ([X], [[[X]]], 'a list of list'),
    (X, [], 'no teacher'),
    (X, [[]], 'no feature level'),
])
def test_what_does_not_fit_is_refused(student, teacher, message):
    with pytest.raises(ValueError, match=message):
        MultiTeacherAlignmentLoss()(student, teacher)


@pytest.mark.parametrize('options, message', [
    (dict(fusion='product'), "fusion='product', expected one of.*'joint'"),
    (dict(mode='legacy'), "mode='legacy', expected one of.*'as_published'"),
    (dict(temperature=0), 'temperature=0, expected a positive number'),
    (dict(p=1.5), 'p=1.5, expected a positive integer'),
    (dict(p=0), 'p=0, expected a positive integer'),
    (dict(level_reduction='max'), 'level_reduction'),
])
def test_unknown_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        MultiTeacherAlignmentLoss(**options)


def test_channels_may_differ_and_no_connector_is_inferred():
    loss = MODELS.build(dict(type='MultiTeacherAlignmentLoss'))
    assert not loss.same_shape
    assert loss(X + 1, [torch.ones(1, 9, 4, 6),
                        torch.ones(1, 1, 4, 6)]).isfinite()
