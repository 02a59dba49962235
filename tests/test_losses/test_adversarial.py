import math
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmxkd.losses import AdversarialFeatureLoss

GRIDS = [dict(grid=(4, 6), pool_between=True), dict(grid=(3, 2))]


def small(**kwargs):
    torch.manual_seed(0)
    loss = AdversarialFeatureLoss(6, 2, channels=4, hidden=5, dropout=0,
                                  level_cfgs=GRIDS, **kwargs)
    for module in loss.discriminators:
        # So few units could all be idle, and pass no gradient.
        nn.init.constant_(module.conv2.bias, 1)
        nn.init.constant_(module.fc1.bias, 1)
    return loss


def levels(seed, batch=2, **kwargs):
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(batch, 6, h, w, generator=generator, **kwargs)
        for h, w in ((9, 13), (5, 7))
    ]


def student_and_teacher(**kwargs):
    return ([s.requires_grad_()
             for s in levels(1, **kwargs)], levels(2, **kwargs))


def iteration(i):
    return SimpleNamespace(iter=i)


def test_golden_cross_entropy():
    logits = iter([torch.tensor([[0.3], [-1.2], [2.0], [-0.4]])])

    class Fixed(nn.Module):

        def forward(self, feature):
            assert len(feature) == 4
            return next(logits)

    loss = AdversarialFeatureLoss(1, 1, level_cfgs=[dict()])
    loss.discriminators[0] = Fixed()
    value = loss(torch.zeros(2, 1, 2, 2), torch.zeros(2, 1, 2, 2))
    assert value.item() == pytest.approx(0.5393952, abs=1e-5)
    # Of the four, 0.3 (student) and -0.4 (teacher) are wrong.
    assert loss.metrics()['accuracy'].item() == 0.5


def test_golden_reversal():

    class Linear(nn.Module):

        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(torch.tensor([[.2], [-.5]]))

        def forward(self, feature):
            return feature.flatten(1) @ self.w

    loss = AdversarialFeatureLoss(2, 1, factor=0.3, level_cfgs=[dict()])
    loss.discriminators[0] = Linear()
    s = torch.tensor([[1., 2.], [3., -1.]]).view(2, 2, 1, 1).requires_grad_()
    t = torch.tensor([[.5, .5], [-1., 2.]]).view(2, 2, 1, 1)
    value = loss(s, t)
    value.backward()
    assert value.item() == pytest.approx(0.9981689, abs=1e-5)
    torch.testing.assert_close(
        s.grad.flatten(1),
        torch.tensor([[-0.0046504, 0.0116260], [-0.0112539, 0.0281348]]),
        atol=1e-5, rtol=0)
    torch.testing.assert_close(loss.discriminators[0].w.grad,
                               torch.tensor([[0.7651539], [-0.4839934]]),
                               atol=1e-5, rtol=0)


def test_is_the_mean_over_levels_of_the_cross_entropy():
    loss, (student, teacher) = small(), student_and_teacher()
    expected = []
    for module, s, t in zip(loss.discriminators, student, teacher,
                            strict=True):
        p = torch.sigmoid(torch.cat([module(s), module(t)])).flatten()
        expected.append(
            -(torch.log(1 - p[:2]).sum() + torch.log(p[2:]).sum()).item() / 4)
    found = loss.levels(student, teacher)
    assert [v.item() for v in found] == pytest.approx(expected, rel=1e-5)
    assert loss(student,
                teacher).item() == pytest.approx(sum(expected) / 2, rel=1e-5)
    weighted = small(level_weights=[2., 0.])
    assert weighted(student,
                    teacher).item() == pytest.approx(expected[0], rel=1e-5)


def test_reversal_gradient_is_minus_lambda_of_the_plain_one():
    loss, (student, teacher) = small(factor=0.3), student_and_teacher()
    loss(student, teacher).backward()
    plain = [s.detach().clone().requires_grad_() for s in student]
    total = sum(
        F.binary_cross_entropy_with_logits(
            module(torch.cat([s, t])), torch.tensor([[0.], [0.], [1.], [1.]]))
        for module, s, t in zip(loss.discriminators, plain, teacher,
                                strict=True)) / 2
    wanted = torch.autograd.grad(total,
                                 [*plain, *loss.discriminators.parameters()])
    for s, gradient in zip(student, wanted, strict=False):
        torch.testing.assert_close(s.grad, -0.3 * gradient)
        assert gradient.abs().max() > 0
    for parameter, gradient in zip(loss.discriminators.parameters(),
                                   wanted[2:], strict=True):
        torch.testing.assert_close(parameter.grad, gradient)


def test_teacher_gets_no_gradient():
    loss, (student, teacher) = small(), student_and_teacher()
    teacher = [t.requires_grad_() for t in teacher]
    loss(student, teacher).backward()
    assert all(t.grad is None for t in teacher)


def test_alternate_discriminator_turn_leaves_the_student_alone():
    loss, (student, teacher) = small(mode='alternate'), student_and_teacher()
    value = loss(student, teacher, progress=iteration(0))
    assert loss.trains_discriminator
    value.backward()
    assert all(s.grad is None for s in student)
    assert all(p.grad.abs().max() > 0 for p in loss.parameters())
    assert value.item() == pytest.approx(small()(student, teacher).item(),
                                         rel=1e-6)


def test_alternate_student_turn_leaves_the_discriminators_alone():
    loss, (student, teacher) = small(mode='alternate',
                                     factor=0.3), student_and_teacher()
    loss(student, teacher, progress=iteration(0))
    assert set(loss.metrics()) == {'accuracy'}
    value = loss(student, teacher, progress=iteration(1))
    assert not loss.trains_discriminator
    assert loss.metrics() == {}
    value.backward()
    for parameter in loss.parameters():
        assert torch.equal(parameter.grad, torch.zeros_like(parameter))
    # The student is pulled towards the teacher's label, 1.
    expected = 0.0
    for module, s in zip(loss.discriminators, student, strict=True):
        expected += F.softplus(-module(s)).mean().item() / 2
        assert s.grad.abs().max() > 0
    assert value.item() == pytest.approx(0.3 * expected, rel=1e-5)


def test_turns():
    loss, (student, teacher) = small(mode='alternate', discriminator_steps=2,
                                     student_steps=3), student_and_teacher()
    turns = []
    for i in range(10):
        loss(student, teacher, progress=iteration(i))
        turns.append(loss.trains_discriminator)
    assert turns == [True, True, False, False, False] * 2


def test_alternate_needs_the_progress():
    with pytest.raises(ValueError, match='needs progress'):
        small(mode='alternate')(*student_and_teacher())


@pytest.mark.parametrize('turn', [0, 1])
def test_gradcheck_of_alternate(turn):
    loss = small(mode='alternate').double()
    student = [s.requires_grad_() for s in levels(1, 1, dtype=torch.float64)]
    teacher = levels(2, 1, dtype=torch.float64)
    inputs = list(loss.parameters()) if turn == 0 else student
    assert torch.autograd.gradcheck(
        lambda *_: loss(student, teacher, progress=iteration(turn)), inputs)


def test_before_training_a_guess_costs_ln_2():
    loss = small()
    for module in loss.discriminators:
        nn.init.zeros_(module.fc2.weight)
        nn.init.zeros_(module.fc2.bias)
    assert loss(*student_and_teacher()).item() == pytest.approx(math.log(2))


def test_discriminators_learn_to_tell_and_the_student_to_deceive():
    torch.manual_seed(0)
    loss = AdversarialFeatureLoss(6, 1, channels=8, hidden=8, dropout=0,
                                  level_cfgs=[dict(grid=(4, 4))])
    optimizer = torch.optim.Adam(loss.parameters(), 1e-2)
    student, teacher = torch.randn(8, 6, 4, 4), torch.randn(8, 6, 4, 4) + 1
    for _ in range(60):
        optimizer.zero_grad()
        loss(student, teacher).backward()
        optimizer.step()
    assert loss.metrics()['accuracy'].item() == 1
    moved = student.clone().requires_grad_()
    before = loss(moved, teacher)
    before.backward()
    # A step down the reversed gradient makes them harder to tell.
    with torch.no_grad():
        moved -= 10 * moved.grad
    assert loss(moved, teacher).item() > before.item()


@pytest.mark.parametrize('batch, sizes', [(1, [(1, 1), (1, 1)]),
                                          (1, [(2, 1), (1, 3)]),
                                          (3, [(33, 7), (2, 40)])])
def test_any_size(batch, sizes):
    student = [
        torch.randn(batch, 6, h, w, requires_grad=True) for h, w in sizes
    ]
    teacher = [torch.randn(batch, 6, h, w) for h, w in sizes]
    value = small()(student, teacher)
    value.backward()
    assert torch.isfinite(value)
    assert all(torch.isfinite(s.grad).all() for s in student)


def test_channels_last_and_zero_maps():
    loss, (student, teacher) = small(), student_and_teacher()

    def last(maps):
        return [
            m.detach().contiguous(memory_format=torch.channels_last)
            for m in maps
        ]

    assert loss(last(student), last(teacher)).item() == pytest.approx(
        loss(student, teacher).item(), rel=1e-6)
    zeros = [torch.zeros_like(s) for s in student]
    assert torch.isfinite(loss(zeros, zeros))


def test_bf16():
    loss, (student, teacher) = small(), student_and_teacher()
    expected = loss(student, teacher).item()

    def half(maps):
        return [m.detach().bfloat16() for m in maps]

    # The weights of discriminators stay in float32, as under autocast.
    found = loss(half(student), half(teacher))
    assert found.item() == pytest.approx(expected, rel=0.03)


def test_the_paper_levels_take_512x864_and_other_inputs():
    torch.manual_seed(0)
    loss = AdversarialFeatureLoss()
    for sizes in ([(128, 216), (64, 108), (32, 54), (16, 27)], [(10, 14),
                                                                (5, 7), (3, 4),
                                                                (2, 2)]):
        maps = [torch.randn(1, 256, h, w) for h, w in sizes]
        assert torch.isfinite(loss(maps, maps))


@pytest.mark.parametrize('kwargs, message', [
    (dict(mode='minimax'), "mode='minimax'"),
    (dict(num_levels=5), '4 entries for num_levels=5'),
    (dict(num_levels=1, level_cfgs=GRIDS), '2 entries for num_levels=1'),
])
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        AdversarialFeatureLoss(**kwargs)


@pytest.mark.parametrize('student, teacher, message', [
    ([], [], 'no feature level'),
    (levels(1)[:1], levels(2), 'student has 1 levels, the teacher 2'),
    (levels(1)[:1], levels(2)[:1], '1 levels for num_levels=2'),
    (levels(1), [m[..., :-1] for m in levels(2)], 'level 0 is'),
    ([m[:, :3]
      for m in levels(1)], [m[:, :3] for m in levels(2)
                            ], 'level 0 has 3 channels, in_channels=6'),
])
def test_levels_that_do_not_fit_are_refused(student, teacher, message):
    with pytest.raises(ValueError, match=message):
        small()(student, teacher)
