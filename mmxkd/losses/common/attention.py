"""Where a feature map is active: its spatial attention."""
import torch
import torch.nn.functional as F
from torch import Tensor


def attention_map(feature: Tensor, p: int = 2) -> Tensor:
    r"""Activation-based spatial attention, of unit length.

    .. math:: a_i = \frac{e_i}{\lVert e \rVert_2}, \qquad
              e_i = \frac{1}{C} \sum_c f_{c,i}^p

    :math:`f_{mean}^p` of Zagoruyko and Komodakis (ICLR 2017, section 3.1),
    with a signed power: an odd ``p`` tells negative activations from positive
    ones. The sum over channels gives the same map as their mean, and so does
    the feature times any positive number.

    The published code divides by :math:`\max(\lVert e \rVert_2, 10^{-12})`.
    Here the map of any feature but zero has unit length, down to the
    smallest normal number; a zero feature gives a zero map and takes no
    gradient.

    Args:
        feature (Tensor): (N, C, H, W).
        p (int): The power, 1 or more.

    Returns:
        Tensor: (N, H·W), row by row.
    """
    # A product has a faster gradient than a power.
    power = feature * feature if p == 2 else feature.pow(p)
    energy = power.sum(1).flatten(1)
    peak = energy.detach().abs().amax(1, keepdim=True)
    alive = peak >= torch.finfo(peak.dtype).tiny
    # So scaled, the squares neither overflow nor vanish.
    return F.normalize(energy * torch.where(alive, 1 / peak, 0.0), dim=1)


def check_power(name: str, p: int) -> None:
    """Raise unless a power is a positive integer.

    Raises:
        ValueError: It is not.
    """
    if not isinstance(p, int) or p < 1:
        raise ValueError(f'{name}: p={p!r}, expected a positive integer')
