"""DualKL with the uncertainty of a depth branch as its weight."""
from typing import Any

from torch import Tensor

from mmxkd.errors import check_known
from mmxkd.losses.base import Levels, as_levels
from mmxkd.losses.dual_kl import DualKLLoss
from mmxkd.registry import MODELS

from .bins import DepthBins
from .targets import DOWNSAMPLE, depth_target
from .uncertainty import MODES, any_valid, average_valid, depth_uncertainty


@MODELS.register_module()
class DepthDualKLLoss(DualKLLoss):
    """:class:`.DualKLLoss` with the weights of MonoMMKD: it distils more
    where the student's depth is poor.

    The weight map is :func:`.depth_uncertainty` of a depth branch, without
    gradient: the branch learns by :class:`.DepthDistributionLoss`. That the
    "discrepancy" of MonoMMKD's figure is the "uncertainty weighting" of its
    abstract, and one number per pixel, is **our reading**.

    Args:
        bins (dict, optional): Arguments of :class:`.DepthBins`; default: 80
            ``rpd`` bins in [5, 80] m.
        uncertainty (str): ``'hard'``, ``'easy'``, ``'entropy'`` or
            ``'none'``; see :func:`.depth_uncertainty`.
        exclude_invalid (bool): Leave positions without any valid depth out
            of the distributions. Default: they have a weight of 0.
        downsample (str): See :func:`.downsample_depth`.
        **options: Of :class:`.DualKLLoss`.

    Raises:
        ValueError: An option is unknown or out of range.
    """

    def __init__(self, bins: dict | None = None, uncertainty: str = 'hard',
                 exclude_invalid: bool = False, downsample: str = 'valid_min',
                 **options: Any) -> None:
        super().__init__(**options)
        name = type(self).__name__
        check_known(f'{name}: uncertainty', uncertainty, MODES)
        check_known(f'{name}: downsample', downsample, DOWNSAMPLE)
        self.bins = DepthBins.of(bins, name)
        self.uncertainty, self.downsample = uncertainty, downsample
        self.exclude_invalid = exclude_invalid

    def levels(  # type: ignore[override]
            self, s_feature: Levels, t_feature: Levels, depth_logits: Tensor,
            depth: Tensor) -> list[Tensor]:
        """The loss of each level.

        Args:
            s_feature, t_feature (Tensor | list[Tensor]): Student and
                teacher, (N, C, H, W) each.
            depth_logits (Tensor): (N, K, H', W') of a depth branch, for N
                or N + 1 classes.
            depth (Tensor): (N, H'', W'') or (N, 1, H'', W''), metres, 0 = no
                value.

        Raises:
            ValueError: Levels, shapes or numbers of maps do not agree.
        """
        target = depth_target(
            type(self).__name__, self.bins, depth_logits, depth,
            self.downsample)
        valid = target < self.bins.number
        weight = depth_uncertainty(depth_logits, target, valid,
                                   self.uncertainty)
        sizes = [s.shape[-2:] for s in as_levels(s_feature)]
        # Cells with a few valid pixels get the mean of these.
        weights = [average_valid(weight, valid[:, None], s) for s in sizes]
        masks = [any_valid(valid[:, None], s) for s in sizes]
        return super().levels(s_feature, t_feature, weights,
                              masks if self.exclude_invalid else None)
