import pytest
import torch

from mmxkd.losses import reverse_gradient


def test_forward_is_the_identity():
    x = torch.randn(2, 3, 4, 5)
    assert torch.equal(reverse_gradient(x, 0.3), x)


@pytest.mark.parametrize('factor', [0.0, 0.3, 1.0, 2.5])
def test_gradient_is_multiplied_by_minus_the_factor(factor):
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(3, 4, dtype=torch.float64)
    (reverse_gradient(x, factor) * weight).sum().backward()
    torch.testing.assert_close(x.grad, -factor * weight)


def test_keeps_memory_format_and_dtype():
    x = torch.randn(2, 3, 4, 5).bfloat16().contiguous(
        memory_format=torch.channels_last).requires_grad_()
    y = reverse_gradient(x, 0.3)
    assert y.is_contiguous(memory_format=torch.channels_last)
    y.float().sum().backward()
    assert x.grad.dtype == torch.bfloat16


def test_golden_numbers_of_the_paper_code():
    s = torch.tensor([[1., 2.], [3., -1.]], requires_grad=True)
    t = torch.tensor([[.5, .5], [-1., 2.]])
    w = torch.tensor([[.2], [-.5]], requires_grad=True)
    logits = torch.cat([reverse_gradient(s, 0.3), t]) @ w
    truth = torch.tensor([[0.], [0.], [1.], [1.]])
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, truth)
    loss.backward()
    assert loss.item() == pytest.approx(0.9981689, abs=1e-5)
    torch.testing.assert_close(
        s.grad, torch.tensor([[-0.0046504, 0.0116260],
                              [-0.0112539, 0.0281348]]), atol=1e-5, rtol=0)
    torch.testing.assert_close(w.grad, torch.tensor([[0.7651539],
                                                     [-0.4839934]]), atol=1e-5,
                               rtol=0)
