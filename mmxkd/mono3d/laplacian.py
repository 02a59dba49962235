"""The loss of a depth with an uncertainty."""
import math

from torch import Tensor, nn

from mmxkd.registry import MODELS


def laplacian_nll(pred: Tensor, target: Tensor, log_variance: Tensor,
                  sqrt2: float = math.sqrt(2)) -> Tensor:
    r"""Of each value, without the constant.

    .. math:: \sqrt2\, e^{-l/2}\, |p - t| + l / 2

    the negative logarithm of a Laplace density of standard deviation
    :math:`e^{l/2}`. Variables that GUPNet's and DID-M3D's code call
    ``log_std`` are this logarithm of the variance, l.

    Args:
        pred, target, log_variance (Tensor): Of one shape.
        sqrt2 (float): The codes have 1.4142.
    """
    return (sqrt2 * (-log_variance / 2).exp() *
            (pred - target).abs() + log_variance / 2)


@MODELS.register_module()
class LaplacianUncertaintyLoss(nn.Module):
    """:func:`laplacian_nll`, averaged over what counts.

    Of the empty batch it is 0 and keeps the graph, where the originals give
    NaN.

    Args:
        sqrt2 (float): 1.4142 as in the published codes; math.sqrt(2) exactly
            changes losses by 1e-5.
    """

    def __init__(self, sqrt2: float = 1.4142) -> None:
        super().__init__()
        self.sqrt2 = sqrt2

    def forward(self, pred: Tensor, target: Tensor, log_variance: Tensor,
                valid: Tensor | None = None) -> Tensor:
        """The mean over valid values.

        Args:
            pred, target, log_variance (Tensor): Of one shape.
            valid (Tensor, optional): bool of that shape; default: all.
        """
        if valid is not None:
            pred, target = pred[valid], target[valid]
            log_variance = log_variance[valid]
        return mean_or_zero(
            laplacian_nll(pred, target, log_variance, self.sqrt2))


def mean_or_zero(values: Tensor) -> Tensor:
    """The mean; of no values a 0 that keeps the graph."""
    return values.sum() / max(values.numel(), 1)
