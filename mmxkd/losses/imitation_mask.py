"""Where a student imitates its teacher: where anchors fit an object."""
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from mmxkd.errors import check_known

from .common.boxes import cell_centres
from .common.options import check_share

MODES = ('global', 'per_level', 'assigned')

# Cells along one side of a tile, and anchors that one step may look at.
_TILE = 8
_BUDGET = 2**22


class _Tiles(NamedTuple):
    """Anchors of one shape in T² neighbouring cells: B tiles of them."""

    corners: Tensor  # (B, 4, T²)
    # Least x1, y1; greatest x2, y2, width and height; least area.
    extremes: Tensor  # (7, B)
    level: Tensor  # (B, )
    place: Tensor  # (B, ): row of `cells`; tiles of all shapes share it.
    cells: Tensor  # (S, T²): index among the cells of all levels.
    spans: list[tuple[int, int]]  # First and last + 1 tile of each level.


@torch.no_grad()
def imitation_mask(anchors: Sequence[Tensor], boxes: Sequence[Tensor],
                   sizes: Sequence[tuple[int, int]], psi: float = 0.5,
                   mode: str = 'global',
                   plus_one: bool = False) -> list[Tensor]:
    r"""The cells of feature maps that the student imitates.

    .. math:: I = \bigvee_k \bigvee_a \left[\operatorname{IoU}(A_{hwa}, G_k)
              > \psi M_k\right], \qquad
              M_k = \max_{h,w,a} \operatorname{IoU}(A_{hwa}, G_k)

    The threshold is relative to the best anchor of each box, and strict. So
    a box that touches no anchor adds nothing, ``psi=0`` picks each cell with
    an anchor that overlaps at all, and ``psi=1`` picks none.

    The paper has one level. ``mode`` says what :math:`M_k` means for several;
    with one level the three are the same:

    * ``'global'``: the best of all levels. A box only marks levels whose
      anchors fit it.
    * ``'per_level'``: the best of each level, the paper's rule level by
      level. A large object then marks all cells that it covers in the
      finest map, since its IoU with all small anchors inside is the same.
    * ``'assigned'``: as ``'global'``, but only in the level that has the
      best anchor (the first of several equal ones). The authors answer that
      a level has only the boxes assigned to it; this rule of assignment is
      our reading.

    The result is exact for any anchors. It is fast where neighbouring cells
    have similar anchors: an upper bound of the IoU finds the tiles of cells
    that cannot reach the threshold, and most anchors are skipped.

    Args:
        anchors (list[Tensor]): (H·W·A, 4) x1, y1, x2, y2 in pixels for each
            level: row by row, the A anchors of a cell together. Levels may
            have different A.
        boxes (list[Tensor]): (G, 4) in the same coordinates for each of N
            images; G may be 0.
        sizes (list[tuple[int, int]]): H, W of each level.
        psi (float): :math:`\psi`, 0 to 1.
        mode (str): As above.
        plus_one (bool): Widths are x2 - x1 + 1 pixels, as in the authors'
            code for Faster R-CNN, where a box of one pixel is padding and
            adds nothing.

    Returns:
        list[Tensor]: (N, 1, H, W) bool for each level.

    Raises:
        ValueError: The mode is unknown, ``psi`` is out of range, or the
            anchors are not a whole number per cell.

    Source: Wang et al., Distilling Object Detectors with Fine-grained
    Feature Imitation, CVPR 2019, section 3.1.
    """
    check_mask_options(psi, mode)
    tiles = _tiles(anchors, sizes, plus_one)
    counts = [h * w for h, w in sizes]
    own = torch.cat([b.reshape(-1, 4) for b in boxes]).to(tiles.corners)
    image = torch.arange(len(boxes), device=own.device).repeat_interleave(
        torch.tensor([len(b) for b in boxes], device=own.device))
    if plus_one:
        is_object = (own[:, 2:] != own[:, :2]).any(1)
        own, image = own[is_object], image[is_object]
        own = own + own.new_tensor([0, 0, 1, 1])
    total = sum(counts)
    mask = torch.zeros(len(boxes) * total, dtype=torch.bool, device=own.device)
    step = max(1, _BUDGET // (len(tiles.place) * _TILE**2))
    for some, of in zip(own.split(step), image.split(step), strict=True):
        k, tile, kept = _kept(tiles, some, psi, mode)
        cell = (of[k] * total)[:, None] + tiles.cells[tiles.place[tile]]
        mask[cell[kept]] = True
    return [
        part.reshape(-1, 1, h, w) for part, (h, w) in zip(
            mask.reshape(-1, total).split(counts, 1), sizes, strict=True)
    ]


def square_priors(size: tuple[int, int], input_shape: Sequence[int],
                  scale: float, like: Tensor) -> Tensor:
    """A square around the centre of each cell.

    Our extension, for detectors without anchors.

    Args:
        size (tuple[int, int]): H, W of the map.
        input_shape (Sequence[int]): Height and width of the padded input.
        scale (float): The sides in strides; a stride is the input's pixels
            per cell.
        like (Tensor): For device and dtype.

    Returns:
        Tensor: (H·W, 4) x1, y1, x2, y2 in pixels, row by row.
    """
    y, x = cell_centres(size, input_shape, like)
    centre = torch.stack(torch.meshgrid(y, x, indexing='ij'), -1)
    half = centre.new_tensor([
        scale / 2 * pixels / cells
        for cells, pixels in zip(size, input_shape[:2], strict=True)
    ])
    return torch.cat([centre - half, centre + half],
                     -1)[..., [1, 0, 3, 2]].reshape(-1, 4)


def check_mask_options(psi: float, mode: str) -> None:
    """Raise where an option of :func:`imitation_mask` is not valid.

    Raises:
        ValueError: As there.
    """
    check_known('imitation mask: mode', mode, MODES)
    check_share('imitation mask', 'psi', psi)


def _tiles(anchors: Sequence[Tensor], sizes: Sequence[tuple[int, int]],
           plus_one: bool) -> _Tiles:
    """Cut each level's grid into tiles; tiles at the edge repeat cells."""
    if len(anchors) != len(sizes):
        raise ValueError(f'imitation mask: anchors of {len(anchors)} levels '
                         f'for {len(sizes)} feature maps')
    corners, places, cells = [], [], []
    first_place = first_cell = 0
    for i, (level, (height,
                    width)) in enumerate(zip(anchors, sizes, strict=True)):
        each, rest = divmod(len(level), height * width)
        if rest or not each or level.shape[1:] != (4, ):
            raise ValueError(
                f'imitation mask: anchors {tuple(level.shape)} of level {i} '
                f'are not (H·W·A, 4) of a {height} × {width} map')
        own = _cells_of_tiles(height, width, level.device)
        corners.append(
            level.reshape(height * width,
                          -1)[own].transpose(1, 2).reshape(-1, 4, _TILE**2))
        places.append((torch.arange(len(own), device=level.device)
                       + first_place).repeat_interleave(each))
        cells.append(own + first_cell)
        first_place += len(own)
        first_cell += height * width
    together = torch.cat(corners)
    if together.dtype not in (torch.float32, torch.float64):
        together = together.float()
    if plus_one:
        together = together + together.new_tensor([[0], [0], [1], [1]])
    counts = [len(part) for part in corners]
    ends = list(accumulate(counts, initial=0))
    level_of = torch.arange(len(counts), device=together.device)
    return _Tiles(together, _extremes(together),
                  level_of.repeat_interleave(level_of.new_tensor(counts)),
                  torch.cat(places), torch.cat(cells), list(pairwise(ends)))


def _cells_of_tiles(height: int, width: int, device: torch.device) -> Tensor:
    """(S, T²): the cells of each tile of a grid."""
    rows, columns = (torch.arange(-(-n // _TILE) * _TILE,
                                  device=device).clamp(max=n - 1).reshape(
                                      -1, _TILE) for n in (height, width))
    return (rows[:, None, :, None] * width
            + columns[None, :, None, :]).reshape(-1, _TILE**2)


def _extremes(corners: Tensor) -> Tensor:
    low, high = corners[:, :2], corners[:, 2:]
    size = high - low
    area = size[:, 0] * size[:, 1]
    return torch.cat(
        [low.amin(2).T,
         high.amax(2).T,
         size.amax(2).T,
         area.amin(1)[None]])


def _kept(tiles: _Tiles, boxes: Tensor, psi: float,
          mode: str) -> tuple[Tensor, Tensor, Tensor]:
    """Anchors above the threshold, in the tiles that may have one.

    Returns:
        tuple[Tensor, Tensor, Tensor]: (P, ) index of the box and (P, ) of
        the tile, for P pairs; (P, T²) whether the anchor is kept.
    """
    bound = _upper_bound(tiles, boxes)
    # The most promising tile of each level bounds the best IoU from below.
    top = torch.stack(
        [bound[:, first:end].argmax(1) + first for first, end in tiles.spans],
        1)
    best = _iou(tiles.corners[top], boxes[:, None, :, None]).amax(2)
    floor = (best[:, tiles.level] if mode == 'per_level' else best.amax(
        1, keepdim=True))
    k, tile = (bound > psi * floor).nonzero(as_tuple=True)
    iou = _iou(tiles.corners[tile], boxes[k, :, None])
    level = tiles.level[tile]
    best = best.flatten().scatter_reduce(0, k * best.shape[1] + level,
                                         iou.amax(1), 'amax').view_as(best)
    if mode == 'per_level':
        threshold = psi * best
    else:
        most, owner = best.max(1, keepdim=True)
        threshold = (psi * most).expand_as(best)
        if mode == 'assigned':
            threshold = torch.full_like(best, torch.inf).scatter(
                1, owner, psi * most)
    return k, tile, iou > threshold[k, level][:, None]


def _iou(anchors: Tensor, boxes: Tensor) -> Tensor:
    """(…, T²) IoU of (…, 4, T²) corners with (…, 4, 1) ones."""
    x1, y1, x2, y2 = anchors.unbind(-2)
    left, top, right, bottom = boxes.unbind(-2)
    return _ratio(
        torch.minimum(x2, right) - torch.maximum(x1, left),
        torch.minimum(y2, bottom) - torch.maximum(y1, top), (x2 - x1) *
        (y2 - y1), (right - left) * (bottom - top))


def _upper_bound(tiles: _Tiles, boxes: Tensor) -> Tensor:
    """(K, B): no anchor of tile b has a greater IoU with box k.

    Each step of :func:`_iou` is monotone, and so is its rounding: with the
    extremes of a tile it gives a bound that holds to the last bit.
    """
    x1, y1, x2, y2, wide, high, area = tiles.extremes
    left, top, right, bottom = boxes.T[..., None]
    across = torch.minimum(x2, right) - torch.maximum(x1, left)
    down = torch.minimum(y2, bottom) - torch.maximum(y1, top)
    return _ratio(torch.minimum(across, torch.minimum(wide, right - left)),
                  torch.minimum(down, torch.minimum(high, bottom - top)), area,
                  (right - left) * (bottom - top))


def _ratio(width: Tensor, height: Tensor, area: Tensor, own: Tensor) -> Tensor:
    shared = width.clamp(min=0) * height.clamp(min=0)
    # The union is 0 without any area. As a bound it can be less, where a tile
    # has an anchor with swapped corners.
    union = (area + own - shared).clamp(min=torch.finfo(own.dtype).tiny)
    return shared / union
