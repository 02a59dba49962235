"""Ground truth of a batch, as a monocular head learns it."""
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mmxkd.errors import check_number
from mmxkd.families.depth_maps import depth_maps_of
from mmxkd.registry import TASK_UTILS

from .camera_of import cameras_of, map_matrix
from .geometry import Cameras, encode_angle, wrap_angle
from .ground_truth import objects_of
from .roi_branch import Cells, legacy_roi_align


@dataclass(frozen=True)
class MonoTargets:
    """What the losses of a batch compare with.

    Attributes:
        heatmap (Tensor): (B, K, H, W), 1 at centres.
        cells (Cells): N objects whose 3-D centre lies in the map.
        offset_2d, size_2d (Tensor): (N, 2), cells.
        offset_3d (Tensor): (N, 2), cells.
        depth (Tensor): (N, ) z, metres.
        size_3d (Tensor): (N, 3) h, w, l beyond the mean of the class.
        heading_bin, heading_res (Tensor): (N, ) of alpha.
        vis_depth (Tensor, optional): (N, r, r) metres, 0 where not valid.
        depth_valid (Tensor, optional): (N, r, r) bool.
    """

    heatmap: Tensor
    cells: Cells
    offset_2d: Tensor
    size_2d: Tensor
    offset_3d: Tensor
    depth: Tensor
    size_3d: Tensor
    heading_bin: Tensor
    heading_res: Tensor
    vis_depth: Tensor | None = None
    depth_valid: Tensor | None = None

    def keys(self) -> list[str]:
        """Names of the fields: hook points may read them."""
        return [field.name for field in fields(self)]


@TASK_UTILS.register_module()
class MonoTargetEncoder:
    """Heatmap, offsets, sizes, heading and depths of the objects.

    Objects with ``gt_instances_3d.kept`` False are background, as in the
    originals. An object whose 3-D centre lies outside of the map is not
    learned.

    Args:
        num_classes (int): K.
        stride (int): Pixels of the network's input per cell.
        roi_size (int): Cells of a region.
        gate (float): Metres; a cell of a region counts where its depth is
            that near to the centre's.
        fill_holes (bool): Leave pixels without depth out of the means. False:
            they count as 0 m, as in DID-M3D's code, which expects dense maps.
        min_overlap (float): Of the Gaussian radius, in (0, 1].

    Raises:
        ConfigError: A number is out of range.

    Source: DID-M3D (Peng et al., ECCV 2022) and GUPNet.
    """

    def __init__(self, num_classes: int, stride: int = 4, roi_size: int = 7,
                 gate: float = 3.0, fill_holes: bool = True,
                 min_overlap: float = 0.7) -> None:
        for name, value in (('num_classes', num_classes), ('stride', stride),
                            ('roi_size', roi_size)):
            check_number(f'MonoTargetEncoder: {name}', value, above=0,
                         whole=True)
        check_number('MonoTargetEncoder: gate', gate, above=0)
        check_number('MonoTargetEncoder: min_overlap', min_overlap, above=0,
                     most=1)
        self.num_classes, self.stride = num_classes, stride
        self.roi_size, self.gate = roi_size, gate
        self.fill_holes, self.min_overlap = fill_holes, min_overlap

    def __call__(self, samples: Sequence[Any], size: Sequence[int],
                 mean_sizes: Tensor, projection: str = 'exact',
                 with_depth: bool = True) -> MonoTargets:
        """Encode a batch.

        Args:
            samples (Sequence): Data samples with ``gt_instances`` (label
                boxes in pixels of the input), ``gt_instances_3d`` (camera
                boxes in metres), ``cam2img``, ``trans_mat`` and, where depth
                is asked for, ``gt_depth``.
            size (Sequence[int]): H, W of the map.
            mean_sizes (Tensor): (K, 3) h, w, l.
            projection (str): See :mod:`.geometry`.
            with_depth (bool): Whether to encode the depth of regions.

        Raises:
            ConfigError: A sample lacks something; it names it.
        """
        device = mean_sizes.device
        cameras = cameras_of(samples, size, projection, device)
        heatmap = torch.zeros((len(samples), self.num_classes, *size),
                              device=device)
        rows = [
            self._image(i, sample, cameras, heatmap[i], mean_sizes)
            for i, sample in enumerate(samples)
        ]
        columns = {
            key: torch.cat([row[key] for row in rows]) for key in rows[0]
        }
        cells = Cells(*(columns.pop(key)
                        for key in ('image', 'index', 'label')))
        boxes = columns.pop('boxes')
        depth: tuple[Tensor | None, ...] = (None, None)
        if with_depth:
            depth = self._visual_depth(samples, size, cells, boxes,
                                       columns['depth'])
        return MonoTargets(heatmap, cells, **columns, vis_depth=depth[0],
                           depth_valid=depth[1])

    def _image(self, number: int, sample: Any, cameras: Cameras,
               heatmap: Tensor, mean_sizes: Tensor) -> dict[str, Tensor]:
        """The rows of one image; draws into its heatmap."""
        boxes, rows, label = objects_of(sample, heatmap.device,
                                        self.num_classes)
        camera = cameras.of(
            torch.full((len(label), ), number, device=heatmap.device))
        matrix = map_matrix(sample, heatmap.device)
        corners = boxes / self.stride
        # Raised from the bottom by half the height: y points down.
        centre = rows[:, :3].clone()
        centre[:, 1] -= rows[:, 4] / 2
        pixels = camera.project(centre)
        place = pixels @ matrix[:2, :2].T + matrix[:2, 2]
        cell = place.long()
        limits = cell.new_tensor(heatmap.shape[:0:-1])
        inside = ((cell >= 0) & (cell < limits)
                  & (place > -1)).all(1) & (rows[:, 2] > 0)
        draw_centres(heatmap, cell[inside], label[inside],
                     (corners[:, 2:] - corners[:, :2])[inside],
                     self.min_overlap)
        middle = (corners[:, :2] + corners[:, 2:]) / 2
        column = camera.to_original(middle, heatmap.shape[1:])[:, 0]
        alpha = wrap_angle(rows[:, 6] - camera.ray_angle(column))
        bins, rest = encode_angle(alpha)
        # l, h, w of mmdet3d as h, w, l.
        sizes = rows[:, [4, 5, 3]] - mean_sizes[label]
        found = dict(image=torch.full_like(label, number),
                     index=cell[:, 1] * limits[0] + cell[:, 0], label=label,
                     boxes=corners, offset_2d=middle - cell,
                     size_2d=corners[:, 2:] - corners[:, :2],
                     offset_3d=place - cell, depth=rows[:, 2], size_3d=sizes,
                     heading_bin=bins, heading_res=rest)
        found = {key: value[inside] for key, value in found.items()}
        return {
            key: value.float() if value.is_floating_point() else value
            for key, value in found.items()
        }

    def _visual_depth(self, samples: Sequence[Any], size: Sequence[int],
                      cells: Cells, boxes: Tensor,
                      depth: Tensor) -> tuple[Tensor, Tensor]:
        """(N, r, r) depth of the surface in each region, and its validity."""
        maps = depth_maps_of(samples).to(boxes)
        there = (maps > 0).to(maps)
        maps, there = (F.adaptive_avg_pool2d(m, (size[0], size[1]))
                       for m in (maps, there))
        found, share = (legacy_roi_align(m, cells.image, boxes,
                                         self.roi_size)[:, 0]
                        for m in (maps, there))
        if self.fill_holes:
            found = found / torch.where(share > 0, share,
                                        torch.ones_like(share))
        valid = (
            (found - depth[:, None, None]).abs() < self.gate) & (found > 0)
        return found * valid, valid


def gaussian_radius(size: Tensor, min_overlap: float = 0.7) -> Tensor:
    """The radius of the Gaussian around a centre, not rounded.

    The smallest of three roots. They are CornerNet's as they are usually
    coded, with a divisor of 2 in each and a plus before each root; the
    published detectors are trained with these.

    Args:
        size (Tensor): (N, 2) width, height in cells.
        min_overlap (float): Least IoU of a box whose corners lie within.
    """
    width, height = size.unbind(1)
    total, area = width + height, width * height
    rest = area * (1 - min_overlap)
    roots = [
        total + (total**2 - 4 * rest / (1 + min_overlap)).sqrt(), 2 * total +
        (4 * total**2 - 16 * rest).sqrt(), -2 * min_overlap * total +
        (4 * min_overlap**2 * total**2 + 16 * min_overlap * rest).sqrt()
    ]
    return torch.stack(roots).amin(0) / 2


def draw_centres(heatmap: Tensor, cells: Tensor, label: Tensor, size: Tensor,
                 min_overlap: float) -> None:
    """Draw a Gaussian around each centre, in place; the larger value stays.

    Args:
        heatmap (Tensor): (K, H, W).
        cells (Tensor): (N, 2) int64 column, row.
        label (Tensor): (N, ).
        size (Tensor): (N, 2) width, height of the box in cells.
        min_overlap (float): See :func:`gaussian_radius`.
    """
    radius = gaussian_radius(size.clamp(min=0), min_overlap).long()
    draw_gaussians(heatmap, cells, label, radius)


def draw_gaussians(heatmap: Tensor, cells: Tensor, label: Tensor,
                   radius: Tensor) -> None:
    """Draw Gaussians of radii (N, ) int64, of sigma (2 r + 1) / 6, in place.
    """
    height, width = heatmap.shape[1:]
    columns = torch.arange(width, device=heatmap.device) - cells[:, :1]
    rows = torch.arange(height, device=heatmap.device) - cells[:, 1:]
    for dx, dy, k, r in zip(columns, rows, label.tolist(), radius.tolist(),
                            strict=True):
        sigma = (2 * r + 1) / 6
        value = (-(dx**2 + dy[:, None]**2) / (2 * sigma**2)).exp()
        inside = (dx.abs() <= r) & (dy[:, None].abs() <= r)
        torch.maximum(heatmap[k], (value * inside).to(heatmap), out=heatmap[k])
