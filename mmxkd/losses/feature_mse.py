"""Mean squared error between feature maps."""
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from mmxkd.registry import MODELS

from .base import Levels, MultiLevelLoss


@MODELS.register_module()
class FeatureMSELoss(MultiLevelLoss):
    r"""Feature mimicking of CMKD-MSE (Hnewa et al., ICASSP 2023).

    .. math:: L = \frac{1}{|l|} \sum_l w_l \operatorname{mean}_{n,c,h,w}
              (S_l - T_l)^2

    Args:
        level_weights (list[float], optional): :math:`w_l`; default 1.
        valid_area (bool): Leave the padded border of the images out of the
            mean. The paper's code does not; default False.
    """

    maps_only = False

    def __init__(self, level_weights: Sequence[float] | None = None,
                 valid_area: bool = False) -> None:
        super().__init__(level_weights)
        self.valid_area = valid_area

    def levels(self, s_feature: Levels, t_feature: Levels,
               batch_img_metas: list[dict] | None = None) -> list[Tensor]:
        """Mean squared difference of each level.

        Args:
            s_feature, t_feature (Tensor | list[Tensor]): Student and
                teacher, (N, C, H, W) each.
            batch_img_metas (list[dict], optional): ``img_shape`` and
                ``batch_input_shape`` of each image; needed for
                ``valid_area``.

        Raises:
            ValueError: The shapes differ, or the metas are missing.
        """
        pairs = self.pairs(s_feature, t_feature)
        if not self.valid_area:
            return [F.mse_loss(s, t) for s, t in pairs]
        if batch_img_metas is None:
            raise ValueError('FeatureMSELoss(valid_area=True) needs '
                             'batch_img_metas')
        return [
            self._inside(s, t, valid_mask(s, batch_img_metas))
            for s, t in pairs
        ]

    @staticmethod
    def _inside(student: Tensor, teacher: Tensor, mask: Tensor) -> Tensor:
        squared = (student - teacher).square() * mask
        return squared.sum() / (mask.sum() * student.shape[1])


def valid_mask(feature: Tensor, batch_img_metas: Sequence[dict]) -> Tensor:
    """1 where a cell of a feature map touches its image, 0 in the padding.

    Args:
        feature (Tensor): (N, C, H, W).
        batch_img_metas (list[dict]): ``img_shape`` (h, w, …) and
            ``batch_input_shape`` (h, w) in pixels.

    Returns:
        Tensor: (N, 1, H, W), with the feature's dtype.
    """
    height, width = feature.shape[-2:]
    mask = feature.new_zeros((len(batch_img_metas), 1, height, width))
    for i, meta in enumerate(batch_img_metas):
        padded_h, padded_w = meta['batch_input_shape'][:2]
        image_h, image_w = meta['img_shape'][:2]
        rows = -(-image_h * height // padded_h)
        columns = -(-image_w * width // padded_w)
        mask[i, :, :rows, :columns] = 1
    return mask
