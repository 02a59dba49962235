"""The anchors of SqueezeDet and ShuffleDet."""
from collections.abc import Sequence

import torch
from mmdet.models.task_modules import AnchorGenerator
from mmdet.structures.bbox import HorizontalBoxes
from torch import Tensor

from mmxkd.errors import ConfigError
from mmxkd.registry import TASK_UTILS

#: Width and height in pixels: fitted to KITTI at 1248×384.
KITTI_SIZES = ((36, 37), (366, 174), (115, 59), (162, 87), (38, 90),
               (258, 173), (224, 108), (78, 170), (72, 43))


@TASK_UTILS.register_module()
class SqueezeDetAnchorGenerator(AnchorGenerator):
    """Boxes of given sizes, at centres spread evenly over the image.

    The W columns of cells have their centres at 1, 2, … W parts of the
    image's width over W + 1, and not in the middle of the cells: in the first
    column nearly half a stride to the right of it, in the last one to the
    left. The image is as wide as the map times the stride.

    Source: Wu et al., SqueezeDet, CVPR workshops 2017.

    Args:
        sizes (Sequence[tuple[float, float]]): Width and height of each
            anchor of a cell, pixels. Default: those for KITTI.
        strides (Sequence[int]): Of each level; all have the same sizes.
        use_box_type (bool): As in mmdet.

    Raises:
        ConfigError: A size is not two numbers above 0, or there is none.
    """

    def __init__(self, sizes: Sequence[Sequence[float]] = KITTI_SIZES,
                 strides: Sequence[int] = (16, ),
                 use_box_type: bool = False) -> None:
        if not sizes or any(len(s) != 2 or min(s) <= 0 for s in sizes):
            raise ConfigError(f'SqueezeDetAnchorGenerator: sizes={sizes}, '
                              'expected widths and heights above 0')
        self.sizes = [tuple(size) for size in sizes]
        super().__init__(strides=list(strides), ratios=[1.0], scales=[1],
                         use_box_type=use_box_type)

    def gen_base_anchors(self) -> list[Tensor]:
        """(A, 4) corners around 0 for each level."""
        half = torch.tensor(self.sizes, dtype=torch.float64) / 2
        return [torch.cat([-half, half], 1).float() for _ in self.strides]

    def single_level_grid_priors(self, featmap_size: tuple[int, int],
                                 level_idx: int,
                                 dtype: torch.dtype = torch.float32,
                                 device: str | torch.device = 'cuda'):
        """Anchors of a level: (H·W·A, 4), those of a cell together.

        Args:
            featmap_size (tuple[int, int]): H, W of the map.
            level_idx (int): The level.
            dtype (torch.dtype): Of the result.
            device (str | torch.device): Of the result.
        """
        height, width = featmap_size
        x, y = (
            # In float64, where sums of such fractions are still exact enough.
            torch.arange(1, cells + 1, device=device, dtype=torch.float64) *
            (cells * stride / (cells + 1)) for cells, stride in zip((
                width, height), self.strides[level_idx], strict=True))
        rows, columns = torch.meshgrid(y, x, indexing='ij')
        centres = torch.stack([columns, rows, columns, rows], -1)
        base = self.base_anchors[level_idx].to(centres)
        anchors = (centres[:, :, None] + base).reshape(-1, 4).to(dtype)
        return HorizontalBoxes(anchors) if self.use_box_type else anchors

    def sparse_priors(self, prior_idxs: Tensor, featmap_size: tuple[int, int],
                      level_idx: int, dtype: torch.dtype = torch.float32,
                      device: str | torch.device = 'cuda') -> Tensor:
        """Some anchors of a level, by their indices: (N, 4)."""
        anchors = self.single_level_grid_priors(featmap_size, level_idx, dtype,
                                                device)
        return getattr(anchors, 'tensor', anchors)[prior_idxs]

    def __repr__(self) -> str:
        return (f'{type(self).__name__}(sizes={self.sizes}, '
                f'strides={self.strides})')
