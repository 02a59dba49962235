import torch

from mmxkd.losses import FeatureMSELoss, in_full_precision


@in_full_precision
def dtypes(*args, **kwargs):
    """What arrives, and what a matrix product gives."""
    found = [args[0].dtype, args[1][0].dtype, kwargs['c']['d'].dtype]
    return found, (args[0] @ args[0]).dtype


def test_half_precision_is_raised_wherever_it_stands():
    half = torch.ones(2, 2, dtype=torch.bfloat16)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        found, product = dtypes(half.float(), [half], c=dict(d=half.half()))
        assert product is torch.float32
    assert found == [torch.float32] * 3


def test_double_stays_double():
    x = torch.ones(2, 2, dtype=torch.float64)
    found, product = dtypes(x, (x, ), c=dict(d=x))
    assert found == [torch.float64] * 3 and product is torch.float64


def test_a_loss_inside_of_autocast_loses_no_digits():
    torch.manual_seed(0)
    s, t = torch.randn(2, 2, 4, 3, 5)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert FeatureMSELoss()(s, t) == FeatureMSELoss()(s, t)
        assert FeatureMSELoss()(s, t).dtype is torch.float32
    s.requires_grad_()
    FeatureMSELoss()(s.bfloat16(), t.bfloat16()).backward()
    assert s.grad.abs().sum() > 0
