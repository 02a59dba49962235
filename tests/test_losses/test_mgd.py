import numpy as np
import pytest
import torch

import mmxkd  # noqa: F401  (repairs the import of mmrazor)
from mmxkd.distillation.connectors import AlignConnector
from mmxkd.losses import MGDLoss
from mmxkd.registry import MODELS
from tests.helpers.stacks import needs

SHAPES = [(2, 4, 6, 8), (2, 4, 3, 4), (2, 4, 1, 2)]


def maps(shapes=SHAPES, seed=0, **kwargs):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*s, generator=generator, **kwargs) for s in shapes]


def build(channels=(4, 4, 4), **options):
    torch.manual_seed(0)
    return MGDLoss(channels, **options)


def convolve(image, weight, bias):
    """3×3 with a border of zeros, number by number."""
    channels, height, width = image.shape
    padded = np.pad(image, ((0, 0), (1, 1), (1, 1)))
    out = np.empty((len(weight), height, width))
    for k in range(len(weight)):
        for y in range(height):
            for x in range(width):
                out[k, y, x] = bias[k] + sum(
                    weight[k, c, dy, dx] * padded[c, y + dy, x + dx]
                    for c in range(channels) for dy in range(3)
                    for dx in range(3))
    return out


def slow(student, teacher, keep, first, second):
    """One level, from the equations."""
    weights = [(conv.weight.detach().double().numpy(),
                conv.bias.detach().double().numpy())
               for conv in (first, second)]
    total = 0.0
    for s, t, m in zip(student.double().numpy(),
                       teacher.double().numpy(), keep.numpy(), strict=True):
        hidden = np.maximum(convolve(s * m, *weights[0]), 0)
        total += ((t - convolve(hidden, *weights[1]))**2).sum()
    return total / len(student)


def test_against_a_slow_version():
    student, teacher = maps(), maps(seed=1)
    loss = build(alpha_mgd=0.3, lambda_mgd=0.4)
    torch.manual_seed(7)
    found = loss.levels(student, teacher)
    torch.manual_seed(7)
    for value, s, t, generate in zip(found, student, teacher, loss.generation,
                                     strict=True):
        keep = (torch.rand(2, 1, *s.shape[2:]) <= 0.6).double()
        assert 0 < keep.mean() < 1
        assert value.item() == pytest.approx(
            0.3 * slow(s, t, keep, generate[0], generate[2]), rel=1e-5)
    torch.manual_seed(7)
    assert loss(student,
                teacher).item() == pytest.approx(sum(found).item(), rel=1e-6)


def test_by_hand():
    """W₁ sums the 3×3 neighbours, W₂ keeps the centre and adds 1."""
    loss = MGDLoss(1, alpha_mgd=0.5, lambda_mgd=0)
    first, _, second = loss.generation[0]
    for conv, weight, bias in ((first, 1., 0.), (second, 0., 1.)):
        torch.nn.init.constant_(conv.weight, weight)
        torch.nn.init.constant_(conv.bias, bias)
    torch.nn.init.dirac_(second.weight)
    student = torch.tensor([[[[1., 2.], [3., -7.]]]])  # sum -1: ReLU gives 0
    teacher = torch.tensor([[[[1., 2.], [1., 4.]]]])
    # Generated: 1 in all four cells. (0 + 1 + 0 + 9) · α / N
    assert loss(student, teacher).item() == pytest.approx(5.)
    both = loss(torch.cat([student, student]), torch.cat([teacher, teacher]))
    assert both.item() == pytest.approx(5.)  # a mean over images


@pytest.mark.parametrize('share', [0., 0.45, 0.65, 1.])
def test_share_of_masked_positions(share):
    keep = build(4, lambda_mgd=share).keep(torch.zeros(4, 4, 100, 100))
    assert keep.shape == (4, 1, 100, 100)
    assert set(keep.unique().tolist()) <= {0., 1.}
    assert (keep == 0).float().mean().item() == pytest.approx(share, abs=0.01)
    if 0 < share < 1:  # each image has a mask of its own
        assert not torch.equal(keep[0], keep[1])


def test_masked_positions_reach_their_neighbours_only():
    """Wholly masked, the student has no influence; else it has."""
    student, teacher = maps(SHAPES[:1]), maps(SHAPES[:1], seed=1)
    student[0].requires_grad_()
    build(4, lambda_mgd=1.)(student, teacher).backward()
    assert (student[0].grad == 0).all()
    student[0].grad = None
    loss = build(4)
    torch.manual_seed(3)
    loss(student, teacher).backward()
    torch.manual_seed(3)
    kept = loss.keep(student[0]).bool().expand_as(student[0])
    assert (student[0].grad[~kept] == 0).all()
    assert (student[0].grad[kept] != 0).float().mean() > 0.9


def test_generation_learns_to_fill_in():
    student = maps([(4, 2, 8, 8)])[0]
    teacher = student.mean(1, keepdim=True).expand(-1, 2, -1, -1)
    loss = build(2, alpha_mgd=1e-2, lambda_mgd=0.2)
    optimizer = torch.optim.Adam(loss.parameters(), 0.02)
    values = []
    for _ in range(60):
        optimizer.zero_grad()
        value = loss(student, teacher)
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert sum(values[-5:]) < 0.5 * sum(values[:5])


@pytest.mark.parametrize('channels, share', [(4, 0.65), (3, 0.45)])
def test_equals_mmrazor(channels, share):
    """Value and gradients, also behind a 1×1 convolution."""
    connectors = needs('mmrazor.models.architectures.connectors')
    opponent = needs('mmrazor.models.losses').MGDLoss(alpha_mgd=0.003)
    shapes = [(2, channels, *s[2:]) for s in SHAPES]
    loss = build(alpha_mgd=0.003, lambda_mgd=share)
    aligned = [AlignConnector(channels, 4) for _ in shapes]
    theirs = [
        connectors.MGDConnector(channels, 4, lambda_mgd=share).train()
        for _ in shapes
    ]
    for connector, generate, align in zip(theirs, loss.generation, aligned,
                                          strict=True):
        connector.generation.load_state_dict(generate.state_dict())
        if connector.align is not None:
            connector.align.load_state_dict(align.conv.state_dict())
    student = [s.requires_grad_() for s in maps(shapes)]
    others = [s.requires_grad_() for s in maps(shapes)]
    teacher = maps(seed=1)
    inputs = [
        align(s, t)
        for align, s, t in zip(aligned, student, teacher, strict=True)
    ]
    torch.manual_seed(5)
    found = loss.levels(inputs, teacher)
    torch.manual_seed(5)
    expected = [
        opponent(connector.forward_train(s), t)
        for connector, s, t in zip(theirs, others, teacher, strict=True)
    ]
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)
    sum(found).backward()
    sum(expected).backward()
    for one, two in zip(student, others, strict=True):
        torch.testing.assert_close(one.grad, two.grad)
    for generate, connector in zip(loss.generation, theirs, strict=True):
        for one, two in zip(generate.parameters(),
                            connector.generation.parameters(), strict=True):
            torch.testing.assert_close(one.grad, two.grad)


def test_is_found_by_its_name():
    loss = MODELS.build(dict(type='MGDLoss', channels=[2, 3]))
    assert loss.channels == [2, 3]
    assert (loss.alpha_mgd, loss.lambda_mgd) == (2e-5, 0.65)
    assert loss.level_reduction == 'sum'


def test_other_options_and_features_are_refused():
    with pytest.raises(ValueError, match='lambda_mgd=65, expected 0 to 1'):
        MGDLoss(4, lambda_mgd=65)
    with pytest.raises(
            ValueError, match=r'2 levels, but channels=\[4\] is '
            r'for 1; .* channels=\[4, 4\]'):
        build(4)(maps(SHAPES[:2]), maps(SHAPES[:2]))
    with pytest.raises(
            ValueError, match=r'level 1 has 4 channels, expected '
            r'channels\[1\]=8'):
        build([4, 8])(maps(SHAPES[:2]), maps(SHAPES[:2]))
    with pytest.raises(ValueError, match='level 0 is'):
        build(4)(maps(SHAPES[:1]), maps([(2, 4, 6, 7)]))
