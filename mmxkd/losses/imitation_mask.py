"""Where a student imitates its teacher: near objects, as anchors see them."""
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .boxes import cell_centres

MODES = ('global', 'per_level', 'assigned')

# Cells along one side of a tile, and anchors that one step may look at.
_TILE = 8
_BUDGET = 2**22


class _Tiles(NamedTuple):
    """Anchors of T² neighbouring cells, of one shape, for each of B tiles."""

    corners: Tensor  # (4, B, T²)
    # Least x1, y1; greatest x2, y2, width and height; least area.
    extremes: Tensor  # (7, B)
    cells: Tensor  # (B, T²): index among the cells of all levels
    level: Tensor  # (B, )


@torch.no_grad()
def imitation_mask(anchors: Sequence[Tensor],
                   boxes: Sequence[Tensor],
                   sizes: Sequence[tuple[int, int]],
                   psi: float = 0.5,
                   mode: str = 'global',
                   plus_one: bool = False) -> list[Tensor]:
    r"""Cells of feature maps that fine-grained imitation picks.

    .. math:: I = \bigvee_k \bigvee_a \left[\operatorname{IoU}(A_{hwa}, G_k)
              > \psi M_k\right], \qquad
              M_k = \max_{h,w,a} \operatorname{IoU}(A_{hwa}, G_k)

    The threshold is relative to the best anchor of each box, and strict. So
    a box that touches no anchor adds nothing, ``psi=0`` picks all cells with
    an anchor that overlaps at all, and ``psi=1`` picks none.

    The paper has one level. ``mode`` says what :math:`M_k` means for several;
    at one level the three agree:

    * ``'global'``: the best of all levels. A box marks the levels whose
      anchors fit it, and no other.
    * ``'per_level'``: the best of each level, the paper's rule level by
      level. A large object then marks all cells that it covers in the
      finest map, since its IoU with all small anchors inside is the same.
    * ``'assigned'``: as ``'global'``, but only in the level that has the
      best anchor (the first of several equal ones). The authors answer that
      a level has only the boxes assigned to it; this rule of assignment is
      our reading.

    The result is exact for any anchors. It is quick where neighbouring cells
    have similar ones: tiles of cells that cannot reach the threshold are left
    out by an upper bound of their IoU, so that time hardly depends on the
    number of anchors.

    Args:
        anchors (list[Tensor]): (H·W·A, 4) x1, y1, x2, y2 in pixels for each
            level: row by row, the A anchors of a cell together. A may differ
            between levels.
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
        ValueError: An unknown mode, ``psi`` out of range, or anchors that are
            not a whole number for each cell.

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
    mask = torch.zeros(len(boxes), sum(counts), dtype=torch.bool,
                       device=own.device)
    step = max(1, _BUDGET // tiles.cells.numel())
    for some, of in zip(own.split(step), image.split(step), strict=True):
        k, tile, kept = _kept(tiles, len(sizes), some, psi, mode)
        mask[of[k][:, None].expand_as(kept)[kept],
             tiles.cells[tile][kept]] = True
    return [
        part.reshape(-1, 1, h, w)
        for part, (h, w) in zip(mask.split(counts, 1), sizes, strict=True)
    ]


def square_priors(size: tuple[int, int], input_shape: Sequence[int],
                  scale: float, like: Tensor) -> Tensor:
    """A box of so many strides a side around the centre of each cell.

    An extension of ours, for detectors without anchors.

    Args:
        size (tuple[int, int]): H, W of the map.
        input_shape (Sequence[int]): Height and width of the padded input.
        scale (float): Sides in strides; a stride is pixels of the input for
            each cell.
        like (Tensor): For device and dtype.

    Returns:
        Tensor: (H·W, 4) x1, y1, x2, y2 in pixels, row by row.
    """
    y, x = cell_centres(size, input_shape, like)
    centre = torch.stack(torch.meshgrid(y, x, indexing='ij'), -1)
    half = centre.new_tensor([
        scale / 2 * pixels / cells
        for cells, pixels in zip(size, input_shape[:2], strict=True)])
    return torch.cat([centre - half, centre + half], -1)[
        ..., [1, 0, 3, 2]].reshape(-1, 4)


def check_mask_options(psi: float, mode: str) -> None:
    """Raise where an option of :func:`imitation_mask` has no meaning.

    Raises:
        ValueError: As there.
    """
    if mode not in MODES:
        raise ValueError(f'imitation mask: mode={mode!r}, expected one of '
                         f'{MODES}')
    if not 0 <= psi <= 1:
        raise ValueError(f'imitation mask: psi={psi}, expected 0 to 1')


def _tiles(anchors: Sequence[Tensor], sizes: Sequence[tuple[int, int]],
           plus_one: bool) -> _Tiles:
    """Cut the grid of each level into tiles; the rim repeats its cells."""
    if len(anchors) != len(sizes):
        raise ValueError(f'imitation mask: anchors of {len(anchors)} levels '
                         f'for {len(sizes)} feature maps')
    parts, first = [], 0
    for i, (level, (height, width)) in enumerate(
            zip(anchors, sizes, strict=True)):
        each, rest = divmod(len(level), height * width)
        if rest or not each or level.shape[1:] != (4, ):
            raise ValueError(
                f'imitation mask: anchors {tuple(level.shape)} of level {i} '
                f'are not (H·W·A, 4) of a {height} × {width} map')
        rows, columns = (
            torch.arange(-(-cells // _TILE) * _TILE, device=level.device
                         ).clamp(max=cells - 1).reshape(-1, _TILE)
            for cells in (height, width))
        cells = (rows[:, None, :, None] * width
                 + columns[None, :, None, :]).reshape(-1, _TILE**2)
        corners = level.reshape(-1, each, 4).permute(2, 1, 0)[..., cells]
        parts.append((corners.flatten(1, 2),
                      cells.repeat(each, 1) + first,
                      torch.full((len(cells) * each, ), i,
                                 device=level.device)))
        first += height * width
    corners = torch.cat([part[0] for part in parts], 1)
    if corners.dtype not in (torch.float32, torch.float64):
        corners = corners.float()
    if plus_one:
        corners = corners + corners.new_tensor([0, 0, 1, 1])[:, None, None]
    return _Tiles(corners, _extremes(corners),
                  torch.cat([part[1] for part in parts]),
                  torch.cat([part[2] for part in parts]))


def _extremes(corners: Tensor) -> Tensor:
    low, high = corners[:2], corners[2:]
    size = high - low
    return torch.cat([low.amin(2), high.amax(2), size.amax(2),
                      size.prod(0, keepdim=True).amin(2)])


def _kept(tiles: _Tiles, levels: int, boxes: Tensor, psi: float, mode: str
          ) -> tuple[Tensor, Tensor, Tensor]:
    """Anchors above the threshold, in the tiles where there may be any.

    Returns:
        tuple[Tensor, Tensor, Tensor]: For each of P pairs the index of its
        box and of its tile; (P, T²) whether the anchor is kept.
    """
    bound = _upper_bound(tiles, boxes)
    # The most promising tile of each level bounds the best IoU from below.
    ends = tiles.level.bincount(minlength=levels).cumsum(0).tolist()
    top = torch.stack([
        bound[:, begin:end].argmax(1) + begin
        for begin, end in zip([0, *ends[:-1]], ends, strict=True)], 1)
    best = _iou(tiles.corners[:, top], boxes.T[..., None, None]).amax(2)
    floor = best if mode == 'per_level' else best.amax(
        1, keepdim=True).expand_as(best)
    k, tile = (bound > (psi * floor)[:, tiles.level]).nonzero(as_tuple=True)
    iou = _iou(tiles.corners[:, tile], boxes.T[:, k, None])
    level = tiles.level[tile]
    best = best.flatten().scatter_reduce(
        0, k * levels + level, iou.amax(1), 'amax').view_as(best)
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
    """IoU of corners (4, …) with (4, …), broadcast."""
    x1, y1, x2, y2 = anchors
    left, top, right, bottom = boxes
    return _ratio(
        torch.minimum(x2, right) - torch.maximum(x1, left),
        torch.minimum(y2, bottom) - torch.maximum(y1, top),
        (x2 - x1) * (y2 - y1), (right - left) * (bottom - top))


def _upper_bound(tiles: _Tiles, boxes: Tensor) -> Tensor:
    """(K, B): no anchor of tile b has a greater IoU with box k.

    Each step of :func:`_iou` is monotone, and so is its rounding: with the
    extremes of a tile it gives a bound that holds to the last bit.
    """
    x1, y1, x2, y2, wide, high, area = tiles.extremes
    left, top, right, bottom = boxes.T[..., None]
    across = torch.minimum(x2, right) - torch.maximum(x1, left)
    down = torch.minimum(y2, bottom) - torch.maximum(y1, top)
    return _ratio(
        torch.minimum(across, torch.minimum(wide, right - left)),
        torch.minimum(down, torch.minimum(high, bottom - top)),
        area, (right - left) * (bottom - top))


def _ratio(width: Tensor, height: Tensor, area: Tensor, own: Tensor
           ) -> Tensor:
    shared = width.clamp(min=0) * height.clamp(min=0)
    # Only where nothing is shared can the union be 0.
    union = (area + own - shared).clamp(min=torch.finfo(own.dtype).tiny)
    return shared / union
