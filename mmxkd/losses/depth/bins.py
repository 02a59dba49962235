"""Depth in bins: edges, targets and decoding."""
import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mmxkd.errors import check_keys, check_known

KITTI_FOCAL = 721.5377 * 1280 / 1242
"""Focal length of KITTI's colour camera, for a picture 1280 pixels wide."""

# Multiply first, then divide: edges that are whole numbers are exact.


def _indices(number: int) -> Tensor:
    return torch.arange(number + 1, dtype=torch.float64)


def _uniform(near: float, far: float, number: int) -> Tensor:
    return near + (far - near) * _indices(number) / number


def _linear_increasing(near: float, far: float, number: int) -> Tensor:
    i = _indices(number)
    return near + (far - near) * i * (i + 1) / (number * (number + 1))


def _spacing_increasing(near: float, far: float, number: int) -> Tensor:
    return (1 + near) * ((1 + far) /
                         (1 + near))**(_indices(number) / number) - 1


def _road_plane(near: float, far: float, number: int) -> Tensor:
    return near * far * number / (far * number -
                                  (far - near) * _indices(number))


RULES: dict[str, Callable[[float, float, int],
                          Tensor]] = dict(ud=_uniform, lid=_linear_increasing,
                                          sid=_spacing_increasing,
                                          rpd=_road_plane)
"""Rule → function of near, far, N that returns the N + 1 edges."""


def _fits(near: Any, far: Any, number: Any) -> bool:
    """Whether these are a range and a count."""
    return (all(isinstance(n, (int, float)) for n in (near, far))
            and isinstance(number, int) and 0 <= near < far < math.inf
            and number >= 1)


class DepthBins:
    r"""N bins between two depths a and b, by one of four rules.

    ======= ================================================= ==============
    rule    edges :math:`e_i`, i = 0 … N                      width
    ======= ================================================= ==============
    ``ud``  :math:`a + (b - a) i / N`                         constant
    ``lid`` :math:`a + (b - a) \frac{i (i+1)}{N (N+1)}`       grows linearly
    ``sid`` :math:`(1+a) (\frac{1+b}{1+a})^{i/N} - 1`         ~ depth
    ``rpd`` :math:`1 / (1/a - (1/a - 1/b) i / N)`             ~ depth squared
    ======= ================================================= ==============

    ``ud``, ``lid`` and ``sid`` are those of CaDDN (Reading et al., CVPR
    2021). Of ``rpd``, the road-plane discretization of MonoMMKD, no formula
    is public: the one above is **our reading**. A point on a road plane lies
    in an image row that is affine in 1 / depth, whatever the camera's
    height, pitch and focal length. So bins of equal height on the road are
    uniform in inverse depth. Its bins are wide far away: of 80 bins in [5,
    80] m, 5 begin beyond 40 m; ``lid`` in [2, 80] m has 24 there.

    A pixel without a bin gets index N, "no depth":

    * ``ud``, ``lid``, ``sid``: depths outside of [a, b), and pixels without
      a value (0, negative, NaN, Inf);
    * ``rpd``: depths beyond b, and pixels without a value. Depths before a
      get bin 0, b itself bin N - 1.

    Args:
        rule (str): ``'ud'``, ``'lid'``, ``'sid'`` or ``'rpd'``.
        near, far (float): a and b, metres. CaDDN has ``lid`` with 2 and
            46.8 on KITTI.
        number (int): N.

    Raises:
        ValueError: The rule is unknown, or the range is not valid.

    Examples:
        >>> import torch
        >>> bins = DepthBins('ud', near=2., far=10., number=4)
        >>> bins.edges.tolist()
        [2.0, 4.0, 6.0, 8.0, 10.0]
        >>> bins.target(torch.tensor([0., 1., 2., 5., 10.])).tolist()
        [4, 4, 0, 1, 4]
        >>> bins.decode(torch.tensor([0, 1, 4])).tolist()
        [3.0, 5.0, 0.0]
    """

    @classmethod
    def of(cls, options: Mapping[str, Any] | None, name: str) -> 'DepthBins':
        """Of a dict of a config; ``name`` says whose it is.

        Raises:
            ConfigError: It has an unknown key.
        """
        check_keys(f'{name}: bins', options or {},
                   ('rule', 'near', 'far', 'number'))
        return cls(**(options or {}))

    def __init__(self, rule: str = 'rpd', near: float = 5.0, far: float = 80.0,
                 number: int = 80) -> None:
        check_known('DepthBins: rule', rule, RULES)
        if not _fits(near, far, number) or (rule == 'rpd' and not near):
            raise ValueError(
                f'DepthBins: near={near}, far={far}, number={number}; '
                'expected 0 <= near < far, finite, near > 0 for rpd, and a '
                'whole number >= 1')
        self.rule, self.near, self.far = rule, near, far
        self.number = number
        self.edges = RULES[rule](near, far, number)

    @property
    def values(self) -> Tensor:
        """(N, ) float64: the depth that stands for each bin, metres.

        The centre; for ``rpd`` the harmonic mean of the edges, which is the
        centre in image rows. Edges are not values in any rule: ``lid``'s
        lower edges, taken as centres, move every depth towards the camera.
        """
        if self.rule == 'rpd':
            inverse = 1 / self.edges
            return 2 / (inverse[:-1] + inverse[1:])
        return (self.edges[:-1] + self.edges[1:]) / 2

    def target(self, depth: Tensor) -> Tensor:
        """The bin of each depth.

        Args:
            depth (Tensor): Metres, any shape; 0 = no value.

        Returns:
            Tensor: int64 of the same shape, 0 … N - 1, or N for "no depth".
        """
        edges = self.edges.to(depth)
        # As floor(k) in the rules' formulas, without their rounding: each
        # edge belongs to the bin that it opens.
        index = torch.searchsorted(edges, depth.contiguous(), right=True) - 1
        if self.rule == 'rpd':
            index = index.clamp(0, self.number - 1)
            out = depth > edges[-1]
        else:
            out = (index < 0) | (index >= self.number)
        out = out | ~(depth > 0) | ~depth.isfinite()
        return index.masked_fill(out, self.number)

    def decode(self, index: Tensor) -> Tensor:
        """The depth of each bin: metres, float32; 0 for "no depth"."""
        values = F.pad(self.values, (0, 1)).float()
        return values.to(index.device)[index]

    def expected(self, probability: Tensor) -> Tensor:
        """The mean depth of distributions over bins.

        Args:
            probability (Tensor): (…, N, H, W), or N + 1 channels. The last
                of these, "no depth", is left out, and the others are scaled
                to a sum of 1.

        Returns:
            Tensor: (…, H, W), metres.
        """
        self.check_channels(probability)
        probability = probability.narrow(-3, 0, self.number)
        values = self.values.to(probability)[:, None, None]
        total = probability.sum(-3).clamp(min=torch.finfo(values.dtype).tiny)
        return (probability * values).sum(-3) / total

    def check_channels(self, logits: Tensor) -> None:
        """Raise ValueError unless a map has N or N + 1 channels."""
        if logits.shape[-3] not in (self.number, self.number + 1):
            raise ValueError(
                f'{self!r}: expected {self.number} channels, or one more for '
                f'"no depth", got {logits.shape[-3]}')

    def __repr__(self) -> str:
        return (f'DepthBins({self.rule!r}, near={self.near}, far={self.far}, '
                f'number={self.number})')


def apparent_depth_ratio(focal: float | Tensor, scale: float | Tensor,
                         reference: float = KITTI_FOCAL) -> float | Tensor:
    r"""Apparent depth over true depth in an enlarged or cropped picture.

    .. math:: d' = d \frac{f_{ref}}{f s}

    An object that is twice as large seems half as far away. With ``rpd``,
    bins of :math:`d'` are rows of the augmented picture; a vertical shift of
    the crop does not matter, since rows count from the horizon. **Our
    reading.**

    Args:
        focal (float | Tensor): f, pixels of the original picture.
        scale (float | Tensor): s, the network's input over the original:
            1280 / width of the crop.
        reference (float): :math:`f_{ref}`, pixels of the network's input:
            the focal length for which depths are apparent depths.

    Returns:
        float | Tensor: Multiply true depths by it, and divide expected
        depths by it.
    """
    return reference / (focal * scale)
