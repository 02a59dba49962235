import math

import pytest
import torch

from mmxkd.losses import RankingLoss
from mmxkd.registry import MODELS
from tests.helpers.feature_maps import maps


def pooled(feature):
    """Mean over positions, number by number."""
    return [[
        math.fsum(channel.flatten().tolist()) / channel.numel()
        for channel in frame
    ] for frame in feature]


def cosine(a, b):
    dot = math.fsum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(
        math.fsum(x * x for x in a) * math.fsum(y * y for y in b))


def slow_terms(student, teacher, margin):
    """One term per ordered pair of frames."""
    a, v = pooled(student), pooled(teacher)
    return [
        max(0., margin - cosine(a[i], v[i]) + cosine(a[i], v[j]))
        for i in range(len(a)) for j in range(len(a)) if i != j
    ]


@pytest.fixture
def pair():
    """Five frames; positions differ in number, channels do not."""
    (student, ) = maps((5, 4, 6, 7), dtype=torch.float64)
    (teacher, ) = maps((5, 4, 3, 2), seed=1, dtype=torch.float64)
    return student, teacher


@pytest.mark.parametrize('margin', [0.05, 0.2, 1., 3.])
def test_against_a_slow_form(pair, margin):
    terms = slow_terms(*pair, margin)
    # The hinge matters: some pairs count, and with small margins not all.
    assert any(terms) and (all(terms) == (margin > 2))
    total = RankingLoss(margin, reduction='sum')(*pair)
    mean = RankingLoss(margin)(*pair)
    assert total.dtype == mean.dtype == torch.float64
    assert total.item() == pytest.approx(math.fsum(terms), rel=1e-12)
    assert mean.item() == pytest.approx(math.fsum(terms) / 20, rel=1e-12)


def test_by_hand():
    """Two frames: a right angle, and the same direction as the other one."""
    student = torch.tensor([[1., 0.], [1., 0.]])[..., None, None]
    teacher = torch.tensor([[3., 0.], [0., 2.]])[..., None, None]
    # Frame 0: 0.2 - 1 + 0 is below 0. Frame 1: 0.2 - 0 + 1 is 1.2.
    assert RankingLoss(reduction='sum')(student,
                                        teacher).item() == pytest.approx(1.2)
    assert RankingLoss()(student, teacher).item() == pytest.approx(0.6)


def test_gradient_in_closed_form(pair):
    student, teacher = pair
    student.requires_grad_()
    RankingLoss(0.2, 'sum')(student, teacher).backward()
    a = torch.tensor(pooled(student.detach()), dtype=torch.float64)
    v = torch.tensor(pooled(teacher), dtype=torch.float64)
    v = v / v.norm(dim=1, keepdim=True)
    cells = student[0, 0].numel()
    for i in range(5):
        unit = a[i] / a[i].norm()
        wanted = torch.zeros(4, dtype=torch.float64)
        for j in range(5):
            if i != j and 0.2 + unit @ (v[j] - v[i]) > 0:
                step = v[j] - v[i]
                wanted += (step - (step @ unit) * unit) / a[i].norm()
        torch.testing.assert_close(student.grad[i],
                                   (wanted / cells)[:, None,
                                                    None].expand(4, 6, 7),
                                   rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize('factor', [1e-18, 1e-3, 1e15])
def test_scale_of_either_side_does_not_count(factor):
    (student, ), (teacher, ) = maps((3, 4, 5, 5)), maps((3, 4, 5, 5), seed=1)
    loss = RankingLoss(margin=1.)
    expected = loss(student, teacher).item()
    assert expected > 0
    assert loss(factor * student,
                teacher).item() == pytest.approx(expected, rel=1e-5)
    assert loss(student,
                factor * teacher).item() == pytest.approx(expected, rel=1e-5)


def test_zero_where_each_is_nearest_by_the_margin():
    teacher = torch.eye(3)[..., None, None]
    student = (2 * teacher).requires_grad_()
    value = RankingLoss()(student, teacher)
    value.backward()
    assert value.item() == 0 and (student.grad == 0).all()


def test_it_learns_to_tell_frames_apart():
    torch.manual_seed(0)
    teacher = torch.randn(4, 8, 2, 2)
    student = torch.randn(4, 8, 2, 2, requires_grad=True)
    loss, optimizer = RankingLoss(), torch.optim.Adam([student], 0.05)
    for _ in range(60):
        optimizer.zero_grad()
        value = loss(student, teacher)
        value.backward()
        optimizer.step()
    assert value.item() == 0
    a, v = (x.detach().mean((2, 3)) for x in (student, teacher))
    similar = torch.cosine_similarity(a[:, None], v[None], dim=2)
    assert (similar.argmax(1) == torch.arange(4)).all()


@pytest.mark.parametrize('reduction', ['mean', 'sum'])
def test_a_batch_of_one_has_no_pairs(reduction):
    student = torch.randn(1, 4, 3, 3, requires_grad=True)
    value = RankingLoss(reduction=reduction)(student, torch.randn(1, 4, 2, 2))
    assert value.item() == 0 and value.requires_grad
    value.backward()
    assert (student.grad == 0).all()


def test_a_zero_feature_has_no_direction_and_no_gradient():
    student = torch.randn(3, 4, 3, 3)
    student[1] = 0
    student.requires_grad_()
    value = RankingLoss(reduction='sum')(student, torch.randn(3, 4, 3, 3))
    value.backward()
    assert student.grad.isfinite().all() and (student.grad[1] == 0).all()
    assert student.grad[0].any() or student.grad[2].any()
    # Both of its pairs are at the margin.
    assert value.item() >= 0.4 - 1e-6


def test_levels_are_weighed():
    student = maps((3, 4, 6, 6), (3, 4, 3, 3))
    teacher = maps((3, 4, 6, 6), (3, 4, 3, 3), seed=1)
    first, second = RankingLoss().levels(student, teacher)
    weighed = RankingLoss(level_weights=[1, 0.5], level_reduction='sum')
    assert weighed(student,
                   teacher).item() == pytest.approx(first.item()
                                                    + second.item() / 2)


X = torch.zeros(2, 3, 4, 4)


@pytest.mark.parametrize('student, teacher, message', [
    ([X, X], [X], 'student has 2 levels, the teacher 1'),
    (X, X[:1], r'\(2, 3, 4, 4\) in the student, \(1, 3, 4, 4\)'),
    (X, X[:, :2], r'expected one N, C\. .*ConvConnector'),
    (X, X[0], 'level 0 is'),
])
def test_what_does_not_fit_is_refused(student, teacher, message):
    with pytest.raises(ValueError, match=message):
        RankingLoss()(student, teacher)


@pytest.mark.parametrize('options, message', [
    (dict(margin=0), 'margin=0, expected a positive number'),
    (dict(margin=math.nan), 'margin=nan'),
    (dict(reduction='max'), "reduction='max', expected one of"),
])
def test_options_that_cannot_be(options, message):
    with pytest.raises(ValueError, match=message):
        RankingLoss(**options)


def test_sizes_may_differ_and_no_connector_is_inferred():
    loss = MODELS.build(dict(type='RankingLoss', margin=0.5))
    assert not loss.same_shape and loss.margin == 0.5
    assert loss(X + 1, torch.ones(2, 3, 8, 1)).item() == pytest.approx(0.5)
