"""Anchors that a config lists one by one."""
from collections.abc import Sequence

import torch
from mmdet.models.task_modules import AnchorGenerator
from torch import Tensor

from mmxkd.errors import ConfigError
from mmxkd.registry import TASK_UTILS


@TASK_UTILS.register_module()
class ListedAnchorGenerator(AnchorGenerator):
    """mmdet's ``AnchorGenerator`` with given boxes in place of formulas.

    The first Faster R-CNN rounds widths and heights before it scales them,
    which no combination of mmdet's options gives.

    Args:
        strides (Sequence[int]): One per level.
        base_anchors (Sequence[Sequence[Sequence[float]]]): For each level,
            x1, y1, x2, y2 of each anchor at the cell in the upper left
            corner, pixels.

    Raises:
        ConfigError: There are not as many lists as levels, or what they hold
            are not boxes.

    Examples:
        >>> generator = ListedAnchorGenerator([16], [[(-8, -4, 7, 3)]])
        >>> generator.grid_priors([(1, 2)], device='cpu')[0].tolist()
        [[-8.0, -4.0, 7.0, 3.0], [8.0, -4.0, 23.0, 3.0]]
    """

    def __init__(self, strides: Sequence[int],
                 base_anchors: Sequence[Sequence[Sequence[float]]]) -> None:
        if len(base_anchors) != len(strides):
            raise ConfigError(
                f'ListedAnchorGenerator: {len(base_anchors)} lists of '
                f'base_anchors, expected one per level: {len(strides)}')
        for boxes in base_anchors:
            if not boxes or any(
                    len(b) != 4 or b[2] <= b[0] or b[3] <= b[1]
                    for b in boxes):
                raise ConfigError(
                    f'ListedAnchorGenerator: base_anchors={boxes}, expected '
                    'boxes (x1, y1, x2, y2) with x1 < x2 and y1 < y2')
        self.listed = base_anchors
        super().__init__(strides=list(strides), ratios=[1.0], scales=[1])

    def gen_base_anchors(self) -> list[Tensor]:
        """(A, 4) of each level."""
        return [torch.tensor(boxes).float() for boxes in self.listed]
