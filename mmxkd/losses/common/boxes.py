"""Ground-truth boxes as losses need them: tensors, and masks on a grid."""
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


def boxes_of(batch_data_samples: Sequence[Any]) -> list[Tensor]:
    """Ground-truth boxes of each image, without ignored regions.

    Args:
        batch_data_samples (Sequence): Data samples with
            ``gt_instances.bboxes``: (G, 4) x1, y1, x2, y2 in pixels of the
            network's input.

    Returns:
        list[Tensor]: (G, 4) for each image; G may be 0.

    Raises:
        ValueError: A sample has no ``gt_instances.bboxes``, or boxes of
            another kind, such as rotated ones.
    """
    boxes = []
    for i, sample in enumerate(batch_data_samples):
        found = getattr(getattr(sample, 'gt_instances', None), 'bboxes', None)
        if found is None:
            raise ValueError(f'data sample {i} has no gt_instances.bboxes: '
                             'the loss needs ground-truth boxes')
        # mmdet wraps boxes in a class of its own.
        own = getattr(found, 'tensor', found)
        if len(own) and own.shape[1:] != (4, ):
            raise ValueError(f'data sample {i} has boxes {tuple(own.shape)}, '
                             'expected (G, 4): x1, y1, x2, y2')
        boxes.append(own.reshape(-1, 4))
    return boxes


def cell_centres(size: Sequence[int], input_shape: Sequence[int],
                 like: Tensor) -> tuple[Tensor, Tensor]:
    """The centres of the cells of a feature map, in pixels of the input.

    Args:
        size (Sequence[int]): H, W of the map.
        input_shape (Sequence[int]): Height and width of the padded input.
        like (Tensor): For device and dtype.

    Returns:
        tuple[Tensor, Tensor]: (H, ) y and (W, ) x, pixels.
    """
    y, x = ((torch.arange(cells, device=like.device, dtype=like.dtype) + 0.5) *
            (pixels / cells)
            for cells, pixels in zip(size, input_shape[:2], strict=True))
    return y, x


def union_mask(boxes: Sequence[Tensor], size: Sequence[int],
               input_shape: Sequence[int]) -> Tensor:
    """1 where the centre of a cell lies in a box of its image, else 0.

    A box without the centre of any cell marks the cell with its own centre,
    so that small objects do not vanish.

    Args:
        boxes (Sequence[Tensor]): (G, 4) for each of N images, from
            :func:`boxes_of`.
        size (Sequence[int]): H, W of the map.
        input_shape (Sequence[int]): Height and width of the padded input.

    Returns:
        Tensor: (N, 1, H, W), float32 or the dtype of the boxes.
    """

    def spans(own: Tensor) -> tuple[Tensor, Tensor]:
        y, x = cell_centres(size, input_shape, own)
        x1, y1, x2, y2 = own[:, :, None].unbind(1)
        columns, rows = (x >= x1) & (x <= x2), (y >= y1) & (y <= y2)
        # The nearest cell to a centre, also where it lies outside.
        columns |= _one_hot((x1 + x2)[:, 0] / 2, size[1],
                            input_shape[1]) & ~columns.any(1, keepdim=True)
        rows |= _one_hot((y1 + y2)[:, 0] / 2, size[0],
                         input_shape[0]) & ~rows.any(1, keepdim=True)
        return rows, columns

    return _mask_of(boxes, spans)


def truncated_mask(boxes: Sequence[Tensor], size: Sequence[int],
                   input_shape: Sequence[int]) -> Tensor:
    """1 in the cells of the boxes by MonoDistill's rule, else 0.

    A box covers the cells from int(x1 / stride) to int(x2 / stride) - 1, so
    that a box within one column or row of cells covers none.

    Args:
        boxes (Sequence[Tensor]): (G, 4) for each of N images, from
            :func:`boxes_of`.
        size (Sequence[int]): H, W of the map.
        input_shape (Sequence[int]): Height and width of the padded input.

    Returns:
        Tensor: (N, 1, H, W), float32 or the dtype of the boxes.
    """

    def spans(own: Tensor) -> tuple[Tensor, Tensor]:
        scale = own.new_tensor(
            [size[1] / input_shape[1], size[0] / input_shape[0]]).repeat(2)
        # Boxes may reach beyond the picture; a cell of it is not negative.
        cells = (own * scale).long().clamp(min=0)[:, :, None]
        column = torch.arange(size[1], device=own.device)
        row = torch.arange(size[0], device=own.device)
        columns = (column >= cells[:, 0]) & (column < cells[:, 2])
        rows = (row >= cells[:, 1]) & (row < cells[:, 3])
        return rows, columns

    return _mask_of(boxes, spans)


def _mask_of(boxes: Sequence[Tensor],
             spans: Callable[[Tensor], tuple[Tensor, Tensor]]) -> Tensor:
    """(N, 1, H, W): 1 where a row and a column of one box of an image meet.

    ``spans`` gives (G, H) rows and (G, W) columns, bool, of G boxes.
    """
    masks = []
    for own in boxes:
        own = own if own.is_floating_point() else own.float()
        rows, columns = spans(own)
        inside = (rows[:, :, None] & columns[:, None]).any(0)
        masks.append(inside.to(own.dtype))
    return torch.stack(masks)[:, None]


def _one_hot(centre: Tensor, cells: int, pixels: int) -> Tensor:
    """(G, cells) bool: the cell in which each centre lies."""
    index = (centre * (cells / pixels)).long().clamp(0, cells - 1)
    return index[:, None] == torch.arange(cells, device=centre.device)
