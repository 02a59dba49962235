"""Feature imitation inside the ground-truth boxes."""
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mmxkd.errors import check_known
from mmxkd.registry import MODELS

from .base import Levels, MultiLevelLoss
from .common.boxes import boxes_of, truncated_mask, union_mask

CELLS = dict(centre=union_mask, truncated=truncated_mask)


@MODELS.register_module()
class MaskedFeatureLoss(MultiLevelLoss):
    r"""Object-level feature distillation of MonoDistill (Chong et al., ICLR
    2022).

    .. math:: L = \sum_l w_l \frac{1}{|M_l| C} \sum_{(n,i) \in M_l} \sum_c
              \tfrac12 (S_{nci} - T_{nci})^2

    with :math:`M_l` the positions of the batch that lie in a ground-truth
    box (see ``cells``). The mean runs over the
    positions of all images: an image with large objects counts more. The
    paper gives it 10 times the weight of the other terms.

    The released code takes boxes of every label, also of regions that mmdet
    ignores; this loss takes those of ``gt_instances``.

    Args:
        divide_by_batch (bool): Divide by the number of images once more, as
            the released code does. Then the loss depends on the batch size;
            default False.
        level_weights (list[float], optional): :math:`w_l`; default 1.
        level_reduction (str): ``'sum'`` (as released) or ``'mean'``.
        cells (str): Which cells lie in a box: ``'centre'``, see
            :func:`.union_mask`, or ``'truncated'`` as released, see
            :func:`.truncated_mask`.

    Raises:
        ConfigError: The rule of the cells is unknown.
    """

    def __init__(self, divide_by_batch: bool = False,
                 level_weights: Sequence[float] | None = None,
                 level_reduction: str = 'sum', cells: str = 'centre') -> None:
        super().__init__(level_weights, level_reduction)
        check_known('MaskedFeatureLoss: cells', cells, CELLS)
        self.divide_by_batch, self.cells = divide_by_batch, cells

    def levels(self, s_feature: Levels, t_feature: Levels,
               batch_data_samples: Sequence[Any]) -> list[Tensor]:
        """Half the mean squared difference inside the boxes, per level.

        Args:
            s_feature, t_feature (Tensor | list[Tensor]): Student and
                teacher, (N, C, H, W) each.
            batch_data_samples (Sequence): Ground-truth boxes and
                ``batch_input_shape``.

        Returns:
            list[Tensor]: 0 where there is no box.

        Raises:
            ValueError: Levels, shapes or numbers of images do not agree.
        """
        pairs = self.pairs(s_feature, t_feature)
        images = len(pairs[0][0])
        if len(batch_data_samples) != images:
            raise ValueError(
                f'MaskedFeatureLoss: {len(batch_data_samples)} data samples '
                f'for {images} images')
        boxes = boxes_of(batch_data_samples)
        input_shape = batch_data_samples[0].metainfo['batch_input_shape']
        found = []
        for s, t in pairs:
            mask = CELLS[self.cells](boxes, s.shape[-2:], input_shape) > 0
            # Not multiplied: values outside may be infinite.
            gap = torch.where(mask, s - t, torch.zeros_like(s))
            count = mask.sum().clamp(min=1) * s.shape[1]
            value = gap.square().sum() / (2 * count)
            found.append(value / images if self.divide_by_batch else value)
        return found
