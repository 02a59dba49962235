"""Cameras, angles and grids of monocular detectors, as tensors.

Two ways to project stand side by side, and a pipeline keeps to one:

* ``'exact'``: u = q0 / q2 with q = P2 · [X, 1], so q2 = z + P2[2, 3].
* ``'by_z'``: u = q0 / z, as DID-M3D, MonoSKD and GUPNet do; 0.3 pixels off
  at 8 m on KITTI.

Source: ``specs``, MonoMMKD additions A.2 and A.3.
"""
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mmxkd.errors import check_known

PROJECTIONS = ('exact', 'by_z')
HEADING_BINS = 12
"""Bins of alpha; the one of index k has its centre at 30k degrees."""


@dataclass(frozen=True)
class Cameras:
    """The cameras of a batch, and which part of each picture a map shows.

    Attributes:
        matrix (Tensor): (B, 3, 4), rectified frame to original pixels: P2,
            of the mirrored picture where that was mirrored.
        ranges (Tensor): (B, 2, 2), original pixels of the map's first and
            last corner: ((x0, y0), (x1, y1)).
        projection (str): One of :data:`PROJECTIONS`.

    Raises:
        ConfigError: The projection is unknown.
    """

    matrix: Tensor
    ranges: Tensor
    projection: str = 'exact'

    def __post_init__(self) -> None:
        check_known('projection', self.projection, PROJECTIONS)

    def of(self, image: Tensor) -> 'Cameras':
        """The camera of each of N objects, by the index of its image (N, ).
        """
        return Cameras(self.matrix[image], self.ranges[image], self.projection)

    @property
    def depth_shift(self) -> Tensor:
        """(B, ) what is added to z before dividing."""
        shift = self.matrix[:, 2, 3]
        return shift if self.projection == 'exact' else shift * 0

    def to_original(self, points: Tensor, size: Sequence[int]) -> Tensor:
        """Original pixels of points in cells of a map.

        Args:
            points (Tensor): (B, …, 2) x, y in cells.
            size (Sequence[int]): H, W of the map.
        """
        start, cell = self._cells(size, points)
        return start + points * cell

    def to_map(self, pixels: Tensor, size: Sequence[int]) -> Tensor:
        """Undo :meth:`to_original`."""
        start, cell = self._cells(size, pixels)
        return (pixels - start) / cell

    def _cells(self, size: Sequence[int],
               like: Tensor) -> tuple[Tensor, Tensor]:
        """First corner, and the original pixels of a cell."""
        counts = like.new_tensor([size[1], size[0]])
        shape = (-1, *[1] * (like.dim() - 2), 2)
        ranges = self.ranges.to(like)
        return (ranges[:, 0].reshape(shape),
                ((ranges[:, 1] - ranges[:, 0]) / counts).reshape(shape))

    def project(self, points: Tensor) -> Tensor:
        """Original pixels (N, 2) of one point (N, 3) per camera."""
        matrix = self.matrix.to(points)
        image = (matrix[:, :, :3] @ points[:, :, None])[..., 0] + matrix[:, :,
                                                                         3]
        depth = points[:, 2] + self.depth_shift.to(points)
        return image[:, :2] / depth[:, None]

    def unproject(self, pixels: Tensor, depth: Tensor) -> Tensor:
        """Points (N, 3) of pixels (N, 2) at z (N, ), one per camera.

        The matrix is taken to have no skew, as KITTI's.
        """
        matrix = self.matrix.to(pixels)
        focal = torch.stack([matrix[:, 0, 0], matrix[:, 1, 1]], 1)
        seen = (depth + self.depth_shift.to(depth))[:, None]
        rest = matrix[:, :2, 2] * depth[:, None] + matrix[:, :2, 3]
        return torch.cat([(pixels * seen - rest) / focal, depth[:, None]], 1)

    def ray_angle(self, column: Tensor) -> Tensor:
        """Angle (N, ) between the axis and the ray through a column (N, ),
        in original pixels."""
        matrix = self.matrix.to(column)
        return torch.atan2(column - matrix[:, 0, 2], matrix[:, 0, 0])


def wrap_angle(angle: Tensor) -> Tensor:
    """The same angles in [-pi, pi)."""
    return (angle + math.pi) % (2 * math.pi) - math.pi


def encode_angle(angle: Tensor) -> tuple[Tensor, Tensor]:
    """The bin (int64) and the rest (radians, ±15°) of angles.

    Examples:
        >>> bins, rest = encode_angle(torch.tensor([0., -0.1]))
        >>> bins.tolist(), [round(r, 4) for r in rest.tolist()]
        ([0, 0], [0.0, -0.1])
    """
    width = 2 * math.pi / HEADING_BINS
    shifted = (angle % (2 * math.pi) + width / 2) % (2 * math.pi)
    # The remainder of a tiny negative number rounds to 2 pi itself.
    bins = (shifted / width).long().clamp(max=HEADING_BINS - 1)
    return bins, shifted - (bins.to(angle) * width + width / 2)


def decode_angle(bins: Tensor, rest: Tensor) -> Tensor:
    """Undo :func:`encode_angle`; above pi one turn is taken off."""
    angle = bins.to(rest) * (2 * math.pi / HEADING_BINS) + rest
    return torch.where(angle > math.pi, angle - 2 * math.pi, angle)


def box_corners(centre: Tensor, size: Tensor) -> Tensor:
    """(N, 4) x1, y1, x2, y2 of centres (N, 2) and widths, heights (N, 2)."""
    return torch.cat([centre - size / 2, centre + size / 2], -1)
