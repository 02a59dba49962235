"""Feature imitation inside of the ground-truth boxes."""
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mmxkd.registry import MODELS

from .base import Levels, MultiLevelLoss, as_levels, check_pairs
from .common.boxes import boxes_of, union_mask


@MODELS.register_module()
class MaskedFeatureLoss(MultiLevelLoss):
    r"""Object-level feature distillation of MonoDistill (Chong et al., ICLR
    2022).

    .. math:: L = \sum_l w_l \frac{1}{|M_l| C} \sum_{(n,i) \in M_l} \sum_c
              \tfrac12 (S_{nci} - T_{nci})^2

    with :math:`M_l` the positions of the batch whose centre lies in a
    ground-truth box (see :func:`.union_mask`). A mean over the positions of
    all images: an image with large objects counts more. The paper weighs it
    10 times the other terms.

    The released code takes boxes of every label, also of regions that mmdet
    ignores; this one takes those of ``gt_instances``.

    Args:
        divide_by_batch (bool): Divide by the number of images once more, as
            the released code does. Then the loss depends on the batch size;
            default False.
        level_weights (list[float], optional): :math:`w_l`; default 1.
        level_reduction (str): ``'sum'`` (as released) or ``'mean'``.
    """

    def __init__(self, divide_by_batch: bool = False,
                 level_weights: Sequence[float] | None = None,
                 level_reduction: str = 'sum') -> None:
        super().__init__(level_weights, level_reduction)
        self.divide_by_batch = divide_by_batch

    def levels(self, s_feature: Levels, t_feature: Levels,
               batch_data_samples: Sequence[Any]) -> list[Tensor]:
        """Half the mean squared difference in the boxes, of each level.

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
        student, teacher = as_levels(s_feature), as_levels(t_feature)
        check_pairs(type(self).__name__, student, teacher)
        if len(batch_data_samples) != len(student[0]):
            raise ValueError(
                f'MaskedFeatureLoss: {len(batch_data_samples)} data samples '
                f'for {len(student[0])} images')
        boxes = boxes_of(batch_data_samples)
        input_shape = batch_data_samples[0].metainfo['batch_input_shape']
        found = []
        for s, t in zip(student, teacher, strict=True):
            mask = union_mask(boxes, s.shape[-2:], input_shape) > 0
            # Not multiplied: what is outside may be anything.
            gap = torch.where(mask, s - t.detach(), torch.zeros_like(s))
            count = mask.sum().clamp(min=1) * s.shape[1]
            value = gap.square().sum() / (2 * count)
            found.append(value / len(s) if self.divide_by_batch else value)
        return found
