"""Gradient reversal (Ganin and Lempitsky, ICML 2015)."""

import torch
from torch import Tensor


class _Reverse(torch.autograd.Function):

    @staticmethod
    def forward(ctx, feature: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return feature.view_as(feature)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        return -ctx.factor * gradient, None


def reverse_gradient(feature: Tensor, factor: float = 1.0) -> Tensor:
    """The identity, whose gradient is multiplied by ``-factor``.

    Examples:
        >>> x = torch.ones(2, requires_grad=True)
        >>> reverse_gradient(x, 0.3).sum().backward()
        >>> x.grad
        tensor([-0.3000, -0.3000])
    """
    return _Reverse.apply(feature, factor)
