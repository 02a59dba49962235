import numpy as np
import pytest
import torch
from scipy.stats import rankdata, spearmanr

from mmxkd.losses import PearsonLoss, SpearmanLoss, soft_rank
from tests.helpers.feature_maps import drawn

# mode='rank'


def slow_soft_rank(values, strength):
    """Pair by pair, as the docstring has it."""
    tau = strength * np.std(values)
    return [
        0.5 + sum(min(max((x - y) / (2 * tau) + 0.5, 0), 1) for y in values)
        for x in values
    ]


@pytest.mark.parametrize('strength', [1e-6, 0.05, 0.3, 1., 100.])
def test_soft_rank_against_a_slow_loop(strength):
    values = drawn(3, 40)
    values[1, 5:9] = values[1, 4]  # equal ones
    values[2] = values[2] * 1e3 + 7
    found = soft_rank(values, strength)
    for row, expected in zip(found, values, strict=True):
        assert row.tolist() == pytest.approx(
            slow_soft_rank(expected.tolist(), strength), rel=1e-9)


def test_soft_rank_is_the_rank_in_the_limit():
    values = drawn(4, 300).round(decimals=2)  # some are equal
    assert len(values[0].unique()) < 290
    found = soft_rank(values, 1e-6)
    np.testing.assert_allclose(found.numpy(), rankdata(values.numpy(), axis=1),
                               rtol=1e-6)
    exact = soft_rank(values.float(), 1e-6)
    np.testing.assert_allclose(exact.numpy(),
                               rankdata(values.float().numpy(), axis=1),
                               rtol=1e-6)


def test_soft_rank_of_a_great_strength_is_linear():
    values = drawn(1, 50)
    found = soft_rank(values, 1e4)
    slope = (found - found.mean()) / (values - values.mean())
    torch.testing.assert_close(slope, slope[:, :1].expand(1, 50))


def test_soft_rank_keeps_the_order_and_ignores_scale_and_shift():
    values = drawn(2, 200)
    found = soft_rank(values, 0.3)
    assert torch.equal(found.argsort(1), values.argsort(1))
    torch.testing.assert_close(soft_rank(5 * values - 3, 0.3), found)
    torch.testing.assert_close(soft_rank(-values, 0.3), 201 - found)
    assert found.min() >= 1 and found.max() <= 200
    torch.testing.assert_close(found.mean(1),
                               torch.full((2, ), 100.5).double())


def test_gradient_of_the_soft_rank():
    values = drawn(2, 12).requires_grad_()
    for strength in (0.05, 0.3, 3.):
        assert torch.autograd.gradcheck(
            lambda v, strength=strength: soft_rank(v, strength), values)


def test_equal_values_have_the_average_rank_and_a_finite_gradient():
    values = torch.full((2, 7), 0.3, requires_grad=True)
    found = soft_rank(values, 0.1)
    found.square().sum().backward()
    assert found.detach().tolist() == [[4.] * 7] * 2
    assert values.grad.isfinite().all()


def test_rank_mode_is_spearman_in_the_limit():
    student, teacher = drawn(1, 3, 6, 8), drawn(1, 3, 6, 8, seed=1)
    teacher = teacher + student
    expected = 1 - spearmanr(student.flatten(), teacher.flatten())[0]
    loss = SpearmanLoss('rank', strength=1e-6)
    assert loss(student, teacher).item() == pytest.approx(expected, rel=1e-9)
    assert SpearmanLoss('rank')(student, teacher).item() == pytest.approx(
        expected, abs=0.01)


def test_rank_mode_of_several_images_ranks_each():
    student, teacher = drawn(2, 3, 4, 5), drawn(2, 3, 4, 5, seed=1)
    ranks = [
        np.concatenate([rankdata(x) for x in f.flatten(1).numpy()])
        for f in (student, teacher)
    ]
    assert SpearmanLoss('rank',
                        strength=1e-6)(student,
                                       teacher).item() == pytest.approx(
                                           1 - np.corrcoef(*ranks)[0, 1],
                                           rel=1e-9)


def test_rank_mode_does_not_see_a_growing_function():
    teacher = drawn(2, 3, 4, 5)
    loss = SpearmanLoss('rank', strength=1e-6)
    assert loss(teacher.exp(), teacher).item() == pytest.approx(0, abs=1e-9)
    assert loss(-teacher**3, teacher).item() == pytest.approx(2)
    assert SpearmanLoss()(teacher.exp(), teacher).item() > 0.05


def test_rank_mode_learns_the_order():
    teacher = drawn(1, 1, 6, 8)
    student = drawn(1, 1, 6, 8, seed=1).requires_grad_()
    loss = SpearmanLoss('rank')
    optimizer = torch.optim.Adam([student], 0.05)
    first = loss(student, teacher).item()
    for _ in range(200):
        optimizer.zero_grad()
        loss(student, teacher).backward()
        optimizer.step()
    assert first > 0.5
    assert spearmanr(student.detach().flatten(), teacher.flatten())[0] > 0.98


# mode='released'


def projected_rank(values, strength):
    """Soft rank of Blondel et al. 2020, L2, ascending, by pooling.

    The projection of values / strength onto the permutahedron of (n, …, 1).
    """
    order = np.argsort(-values / strength, kind='stable')
    ordered = values[order] / strength
    target = np.arange(len(values), 0, -1.)
    # Isotonic regression of ordered - target, not increasing.
    blocks = []
    for gap in ordered - target:
        blocks.append([gap, 1])
        while len(blocks) > 1 and (blocks[-2][0] / blocks[-2][1]
                                   <= blocks[-1][0] / blocks[-1][1]):
            total, count = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    pooled = np.concatenate([np.full(c, t / c) for t, c in blocks])
    found = np.empty(len(values))
    found[order] = ordered - pooled
    return found, len(blocks)


def test_projected_rank_is_the_rank_for_small_strengths():
    values = drawn(60).numpy()
    found, blocks = projected_rank(values, 1e-6)
    np.testing.assert_allclose(found, rankdata(values))
    assert blocks == 60


@pytest.mark.parametrize('n', [100, 3000, 30720])
def test_the_released_soft_rank_ranks_nothing(n):
    """One block: the values themselves, moved to the mean rank."""
    values = drawn(n).numpy()
    found, blocks = projected_rank(values, 1.0)
    assert blocks == 1
    np.testing.assert_allclose(found, values - values.mean() + (n + 1) / 2,
                               rtol=1e-12)


def test_released_mode_is_what_the_released_code_computes():
    student, teacher = drawn(2, 4, 6, 8), drawn(2, 4, 6, 8, seed=1)
    n = 4 * 6 * 8
    teacher[1] += 2
    ranks = np.stack(
        [projected_rank(t.numpy(), 1.0)[0] / n for t in teacher.flatten(1)])
    assert SpearmanLoss()(student, teacher).item() == pytest.approx(
        1 - np.corrcoef(student.flatten().numpy(), ranks.ravel())[0, 1],
        rel=1e-9)


def test_released_mode_is_pearson_for_one_image():
    student, teacher = drawn(1, 3, 4, 5), drawn(1, 3, 4, 5, seed=1)
    assert SpearmanLoss()(student, teacher).item() == pytest.approx(
        PearsonLoss()(student, teacher).item(), rel=1e-12)


def test_released_mode_is_not_0_where_images_differ_in_their_means():
    teacher = drawn(2, 3, 4, 5)
    teacher -= teacher.mean((1, 2, 3), keepdim=True)
    assert SpearmanLoss()(teacher,
                          teacher).item() == pytest.approx(0, abs=1e-12)
    teacher[1] += 3
    assert SpearmanLoss()(teacher, teacher).item() > 0.1


# Both


@pytest.mark.parametrize('mode', ['released', 'rank'])
def test_levels_are_compared_on_the_coarsest_grid_and_summed(mode):
    student = [drawn(2, 3, 4, 6), drawn(2, 3, 2, 3)]
    teacher = [drawn(2, 3, 4, 6, seed=1), drawn(2, 3, 2, 3, seed=1)]
    loss = SpearmanLoss(mode)
    pooled = [
        loss(torch.nn.functional.adaptive_avg_pool2d(s, (2, 3)),
             torch.nn.functional.adaptive_avg_pool2d(t, (2, 3))).item()
        for s, t in zip(student, teacher, strict=True)
    ]
    assert [v.item() for v in loss.levels(student, teacher)
            ] == (pytest.approx(pooled, rel=1e-12))
    assert loss(student, teacher).item() == pytest.approx(sum(pooled))


@pytest.mark.parametrize('options, message', [
    (dict(mode='kendall'), "mode='kendall', expected one of.*'rank'"),
    (dict(strength=1e-7), 'strength=1e-07'),
])
def test_unknown_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SpearmanLoss(**options)
