"""Feature levels on a common grid."""
from collections.abc import Iterable, Sequence

import torch.nn.functional as F
from torch import Tensor


def coarsest_size(levels: Iterable[Tensor]) -> tuple[int, int]:
    """H, W of the level with the fewest cells."""
    return min(((level.shape[-2], level.shape[-1]) for level in levels),
               key=lambda size: size[0] * size[1])


def resize(feature: Tensor, size: Sequence[int]) -> Tensor:
    """A map at another size, bilinear; unchanged where it has that size."""
    if feature.shape[-2:] == tuple(size):
        return feature
    return F.interpolate(feature, size, mode='bilinear', align_corners=False)
