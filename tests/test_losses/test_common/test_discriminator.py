import pytest
import torch
from torch import nn

from mmxkd.losses import FeatureDiscriminator
from mmxkd.losses.adversarial import PAPER_LEVELS


def fill(module):
    """Each parameter is 0.05 sin(0.37 i) + 0.01 of its flat index."""
    with torch.no_grad():
        for parameter in module.parameters():
            i = torch.arange(parameter.numel(), dtype=torch.float64)
            parameter.copy_(
                (0.05 * torch.sin(0.37 * i) + 0.01).view_as(parameter))


def ramp(height, width):
    i = torch.arange(256 * height * width, dtype=torch.float64)
    return torch.sin(0.001 * i).view(1, 256, height, width).float()


@pytest.mark.parametrize('level, size, expected, parameters', [
    (0, (128, 216), 3.6312959, 219866),
    (1, (64, 108), 1.3751922, 79898),
    (2, (32, 54), 1.1313583, 79898),
    (3, (16, 27), 3.6238303, 79898),
])
def test_golden_numbers_of_the_paper_code(level, size, expected, parameters):
    module = FeatureDiscriminator(dropout=0, **PAPER_LEVELS[level])
    assert sum(p.numel() for p in module.parameters()) == parameters
    fill(module)
    with torch.no_grad():
        assert module(ramp(*size)).item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize('pool_between', [False, True])
@pytest.mark.parametrize('batch, height, width', [(1, 1, 1), (2, 1, 7),
                                                  (1, 2, 1), (1, 3, 5),
                                                  (3, 16, 27), (2, 40, 11)])
def test_any_size_gives_one_logit_an_image(pool_between, batch, height, width):
    torch.manual_seed(0)
    module = FeatureDiscriminator(6, 4, 5, (4, 6), pool_between)
    feature = torch.randn(batch, 6, height, width, requires_grad=True)
    logits = module(feature)
    assert logits.shape == (batch, 1)
    logits.sum().backward()
    assert torch.isfinite(feature.grad).all()


def test_images_of_a_batch_do_not_mix():
    torch.manual_seed(0)
    module = FeatureDiscriminator(6, 4, 5, (4, 6)).eval()
    feature = torch.randn(3, 6, 9, 14)
    alone = torch.cat([module(f[None]) for f in feature])
    torch.testing.assert_close(module(feature), alone)


def test_against_plain_layers():
    torch.manual_seed(0)
    module = FeatureDiscriminator(6, 4, 5, (3, 2), pool_between=True).eval()
    plain = nn.Sequential(module.conv1, nn.ReLU(),
                          nn.MaxPool2d(2), module.conv2, nn.ReLU(),
                          nn.MaxPool2d(2), nn.Flatten(), module.fc1, nn.ReLU(),
                          module.fc2)
    feature = torch.randn(2, 6, 12, 8)
    torch.testing.assert_close(module(feature), plain(feature))


def test_channels_last_equals_contiguous():
    torch.manual_seed(0)
    module = FeatureDiscriminator(6, 4, 5, (4, 6), True).eval()
    feature = torch.randn(2, 6, 9, 14)
    torch.testing.assert_close(
        module(feature.contiguous(memory_format=torch.channels_last)),
        module(feature))


def test_bf16():
    torch.manual_seed(0)
    module = FeatureDiscriminator(6, 4, 5, (4, 6), True).eval()
    feature = torch.randn(2, 6, 9, 14)
    expected = module(feature)
    half = module.bfloat16()(feature.bfloat16())
    torch.testing.assert_close(half.float(), expected, atol=0.02, rtol=0.05)


def test_gradcheck():
    torch.manual_seed(0)
    module = FeatureDiscriminator(3, 4, 5, (2, 3)).eval().double()
    feature = torch.randn(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(module, feature)


def test_dropout_is_active_in_training_alone():
    torch.manual_seed(0)
    module = FeatureDiscriminator(6, 4, 64, (4, 6), dropout=0.5)
    feature = torch.randn(1, 6, 8, 12)
    assert not torch.equal(module(feature), module(feature))
    module.eval()
    assert torch.equal(module(feature), module(feature))
