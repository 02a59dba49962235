"""Masked generative distillation."""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmxkd.registry import MODELS

from .base import Levels
from .common.options import check_share
from .level_networks import LevelNetworksLoss


@MODELS.register_module()
class MGDLoss(LevelNetworksLoss):
    r"""Masked generative distillation (Yang et al., ECCV 2022).

    In the student's feature, which has the teacher's shape, a random share
    :math:`\lambda` of the positions is set to 0. A small network per level
    has to generate the teacher's whole feature from the rest:

    .. math:: L = \alpha \sum_l \frac{1}{N} \sum_{n,c,h,w}
              \bigl(T_l - G_l(M_l \odot S_l)\bigr)^2, \qquad
              G(F) = W_2 * \operatorname{ReLU}(W_1 * F)

    with :math:`W` 3×3 convolutions that keep the channels, and
    :math:`M_{n,h,w} = 0` where a uniform number exceeds :math:`1 - \lambda`,
    else 1 (section 3 of the paper). Its equations have no :math:`1/N`; the
    published weights go with a mean over images, and MMRazor takes it too.

    Each call draws new masks, also in eval mode, with torch's generator of
    the feature's device. :math:`G_l` starts with torch's default
    initialisation of convolutions, and trains with the student.

    =====================  =================  ==================
    published for          :math:`\alpha`     :math:`\lambda`
    =====================  =================  ==================
    one-stage detectors    2e-5               0.65
    two-stage detectors    5e-7               0.45
    =====================  =================  ==================

    (The second row is from memory of the paper; the first is also in
    MMRazor's RetinaNet config.)

    Args:
        channels (int | list[int], optional): Channels of the teacher's
            levels, for instance ``[256] * 5``; a number means a single
            level. Default: those that the dry run finds.
        alpha_mgd (float): :math:`\alpha`.
        lambda_mgd (float): :math:`\lambda`, the share of positions that are
            masked, 0 to 1.
        level_weights (list[float], optional): One weight per level.
        level_reduction (str): ``'sum'`` (the paper's) or ``'mean'`` over
            levels.

    Raises:
        ValueError: ``lambda_mgd`` is not in [0, 1].
    """

    # MMRazor's connector is the generator that is a part of this loss.
    replaces_connectors = ('MGDConnector', )

    def __init__(self, channels: int | Sequence[int] | None = None,
                 alpha_mgd: float = 2e-5, lambda_mgd: float = 0.65,
                 level_weights: Sequence[float] | None = None,
                 level_reduction: str = 'sum') -> None:
        super().__init__(level_weights, level_reduction)
        check_share('MGDLoss', 'lambda_mgd', lambda_mgd)
        self.alpha_mgd, self.lambda_mgd = alpha_mgd, lambda_mgd
        self.set_channels(channels)

    def build_networks(self, channels: Sequence[int]) -> None:
        """A generator per level."""
        self.generation = nn.ModuleList(
            nn.Sequential(nn.Conv2d(
                width, width, 3, padding=1), nn.ReLU(
                    inplace=True), nn.Conv2d(width, width, 3, padding=1))
            for width in channels)

    def levels(self, s_feature: Levels, t_feature: Levels) -> list[Tensor]:
        """Weighted squared error of each level, a mean over images.

        Args:
            s_feature, t_feature (Tensor | list[Tensor]): Student, in the
                teacher's shape, and teacher, (N, C, H, W) each.

        Raises:
            ValueError: The shapes differ, or the levels or channels are not
                those of ``channels``.
        """
        pairs = self.pairs(s_feature, t_feature)
        self.check_channels([s for s, _ in pairs])
        return [
            F.mse_loss(generate(s * self.keep(s)), t, reduction='sum') *
            (self.alpha_mgd / len(s))
            for generate, (s, t) in zip(self.generation, pairs, strict=True)
        ]

    def keep(self, feature: Tensor) -> Tensor:
        """A random mask, 0 at a share ``lambda_mgd`` of the positions.

        Args:
            feature (Tensor): (N, C, H, W).

        Returns:
            Tensor: (N, 1, H, W) of 0 and 1, with the feature's device and
            dtype.
        """
        size = (len(feature), 1, *feature.shape[2:])
        # The same draw in every precision.
        drawn = torch.rand(size, device=feature.device, dtype=torch.float32)
        return (drawn <= 1 - self.lambda_mgd).to(feature.dtype)
