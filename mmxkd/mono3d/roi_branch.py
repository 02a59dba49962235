"""What a monocular head predicts of each object, from its region."""
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from mmcv.ops import roi_align
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmxkd.losses.common.precision import in_full_precision
from mmxkd.registry import MODELS

from .geometry import HEADING_BINS, Cameras, box_corners

#: Two coordinates of the ray through each cell of a region.
COORDINATES = 2


@dataclass(frozen=True)
class Cells:
    """N objects, each at one cell of a map, image after image.

    Attributes:
        image (Tensor): (N, ) int64, index of the image in the batch.
        index (Tensor): (N, ) int64, row · width + column of the cell.
        label (Tensor): (N, ) int64, class.
    """

    image: Tensor
    index: Tensor
    label: Tensor

    def __len__(self) -> int:
        return len(self.image)

    def gather(self, maps: Tensor) -> Tensor:
        """(N, C): what maps (B, C, H, W) hold at the cells."""
        return maps.flatten(2)[self.image, :, self.index]

    def position(self, width: int) -> Tensor:
        """(N, 2) int64: column and row."""
        return torch.stack([self.index % width, self.index // width], 1)


@dataclass(frozen=True)
class Regions:
    """The 2-D boxes of N objects.

    Attributes:
        corners (Tensor): (N, 4) x1, y1, x2, y2 in cells of the map; the
            extent of an untrained network may be negative.
        pixels (Tensor): (N, 4) the same in original pixels.
        label (Tensor): (N, ) int64, class.
        camera (Cameras): Of each object.
    """

    corners: Tensor
    pixels: Tensor
    label: Tensor
    camera: Cameras

    @property
    def height(self) -> Tensor:
        """(N, ) original pixels."""
        return self.pixels[:, 3] - self.pixels[:, 1]

    @property
    def map_height(self) -> Tensor:
        """(N, ) cells."""
        return self.corners[:, 3] - self.corners[:, 1]


def make_regions(offset_2d: Tensor, size_2d: Tensor, cells: Cells,
                 cameras: Cameras) -> Regions:
    """The boxes that the dense maps hold at some cells.

    Args:
        offset_2d, size_2d (Tensor): (B, 2, H, W), cells.
        cells (Cells): N objects.
        cameras (Cameras): Of the B images.
    """
    height, width = offset_2d.shape[-2:]
    centre = cells.position(width) + cells.gather(offset_2d)
    corners = box_corners(centre, cells.gather(size_2d))
    camera = cameras.of(cells.image)
    pixels = camera.to_original(corners.view(-1, 2, 2), (height, width))
    return Regions(corners, pixels.reshape(-1, 4), cells.label, camera)


def legacy_roi_align(maps: Tensor, image: Tensor, corners: Tensor,
                     size: int) -> Tensor:
    """RoIAlign as torchvision's defaults have it.

    ``aligned=False``, ceil(extent / size) samples per bin, an extent of one
    cell at least. mmcv's own default gives other numbers, and aborts on CPU
    at a negative extent.

    Args:
        maps (Tensor): (B, C, H, W).
        image (Tensor): (N, ) indices.
        corners (Tensor): (N, 4), cells. They get no gradient.
        size (int): Of the result.

    Returns:
        Tensor: (N, C, size, size).
    """
    if not len(corners):
        # Stays in the graph: DDP waits for each parameter.
        return maps.sum() * maps.new_zeros((0, maps.shape[1], size, size))
    rois = torch.cat([image[:, None].to(corners), corners.detach()], 1)
    return roi_align(maps, rois, (size, size), 1.0, 0, 'avg', False)


class EmptySafeBatchNorm2d(nn.BatchNorm2d):
    """Batch norm that a batch without objects leaves as it is.

    Of no values, there is neither a mean nor a variance: PyTorch's running
    statistics would become NaN.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W), N of 0 too."""
        if len(x):
            return super().forward(x)
        return F.batch_norm(x, self.running_mean, self.running_var,
                            self.weight, self.bias, False, 0.0, self.eps)


def vector_head(in_channels: int, channels: int, outputs: int) -> nn.Module:
    """A number of outputs per object: (N, C, h, w) to (N, outputs)."""
    return nn.Sequential(nn.Conv2d(in_channels, channels, 3, padding=1),
                         EmptySafeBatchNorm2d(channels), nn.ReLU(inplace=True),
                         nn.AdaptiveAvgPool2d(1),
                         nn.Conv2d(channels, outputs, 1), nn.Flatten())


@MODELS.register_module()
class MonoRoIBranch(BaseModule):
    """Looks at the region of each object: offset, size, heading and depth.

    Each region is what a RoIAlign cuts out of the map, with the coordinates
    of the rays through its cells, and its class as one-hot maps.

    Args:
        in_channels (int): Of the map.
        feat_channels (int): Of each head.
        num_classes (int): Of the detector.
        depth (dict): Builds the depth head: ``DidDepthHead`` or
            ``GupDepthHead``.
        mean_sizes (Tensor): (K, 3) h, w, l of each class, metres.
        roi_size (int): Cells of a region.
        detach_boxes (bool): Keep the losses of regions from training the
            2-D boxes. The originals do not: the coordinates, and the height
            that the depth is computed from, carry a gradient.
    """

    def __init__(self, in_channels: int, feat_channels: int, num_classes: int,
                 depth: dict, mean_sizes: Tensor, roi_size: int = 7,
                 detach_boxes: bool = False) -> None:
        super().__init__(
            dict(type='Xavier', layer='Conv2d', distribution='uniform'))
        self.num_classes, self.roi_size = num_classes, roi_size
        self.detach_boxes = detach_boxes
        channels = in_channels + COORDINATES + num_classes
        self.depth: Any = MODELS.build(
            dict(depth, in_channels=channels, feat_channels=feat_channels,
                 mean_sizes=mean_sizes))
        self.offset_3d = vector_head(channels, feat_channels, 2)
        self.size_3d = vector_head(channels, feat_channels,
                                   3 + self.depth.extra_sizes)
        self.heading = vector_head(channels, feat_channels, 2 * HEADING_BINS)

    @in_full_precision
    def forward(self, maps: Tensor, offset_2d: Tensor, size_2d: Tensor,
                cells: Cells, cameras: Cameras) -> Mapping[str, Tensor]:
        """Predict of each of N objects, in float32 under autocast too: half
        precision counts pixels by eights, and rays by hundredths.

        Args:
            maps (Tensor): (B, C, H, W).
            offset_2d, size_2d (Tensor): (B, 2, H, W), cells.
            cells (Cells): N objects.
            cameras (Cameras): Of the B images.

        Returns:
            dict[str, Tensor]: ``offset_3d`` (N, 2) cells, ``size_3d`` (N, 3)
            metres beyond the mean of the class, ``heading`` (N, 24) logits
            and residuals of 12 bins; and what the depth head gives.
        """
        regions = make_regions(offset_2d, size_2d, cells, cameras)
        if self.detach_boxes:
            regions = Regions(regions.corners.detach(),
                              regions.pixels.detach(), regions.label,
                              regions.camera)
        features = self._features(maps, regions, cells)
        sizes = self.size_3d(features)
        return dict(offset_3d=self.offset_3d(features), size_3d=sizes[:, :3],
                    heading=self.heading(features),
                    **self.depth(features, regions, sizes))

    def _features(self, maps: Tensor, regions: Regions,
                  cells: Cells) -> Tensor:
        size = self.roi_size
        cut = legacy_roi_align(maps, cells.image, regions.corners, size)
        one = torch.ones_like(regions.pixels[:, 0])
        corners = torch.stack([
            regions.camera.unproject(regions.pixels[:, i:i + 2], one)[:, :2]
            for i in (0, 2)
        ], 1)
        # From corner to corner, both included.
        share = torch.linspace(0, 1, size, dtype=maps.dtype,
                               device=maps.device)
        line = corners[:, :1] + share[:,
                                      None] * (corners[:, 1:] - corners[:, :1])
        x = line[:, None, :, 0].expand(-1, size, -1)
        y = line[:, :, None, 1].expand(-1, -1, size)
        classes = F.one_hot(cells.label, self.num_classes).to(maps)
        return torch.cat([
            cut, x[:, None], y[:, None], classes[:, :, None, None].expand(
                -1, -1, size, size)
        ], 1)
