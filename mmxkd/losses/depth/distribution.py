"""Supervision of a depth branch by depth maps."""
import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from mmxkd.errors import check_known
from mmxkd.losses.base import DistillationLoss
from mmxkd.losses.common.boxes import boxes_of, union_mask
from mmxkd.losses.common.precision import in_full_precision
from mmxkd.registry import MODELS

from .bins import DepthBins
from .targets import DOWNSAMPLE, depth_target


@MODELS.register_module()
class DepthDistributionLoss(DistillationLoss):
    r"""The mimicking loss of MonoMMKD's depth branch.

    .. math:: L = \frac{\sum_i w_i \ell_i}{\sum_i w_i}, \qquad
              \ell = -\log p_{k^*} \text{ or }
              -\alpha (1 - p_{k^*})^\gamma \log p_{k^*}

    over valid pixels i, with :math:`k^*` the bin of the true depth and
    :math:`w_i` = 13 in boxes of objects, 1 elsewhere. MonoMMKD's figure shows
    such a loss, but neither its type nor its weight: this one, after CaDDN
    (Reading et al., CVPR 2021), is **our reading**.

    A pixel is valid where its depth has a bin. Where the logits have one
    channel more than there are bins, pixels without a bin have class N, "no
    depth", and count too, as in CaDDN; use this for dense maps.

    Args:
        bins (dict, optional): Arguments of :class:`.DepthBins`; default:
            80 ``rpd`` bins in [5, 80] m.
        kind (str): ``'ce'`` or ``'focal'``.
        alpha, gamma (float): Of ``'focal'``.
        foreground_weight, background_weight (float): :math:`w_i`.
        downsample (str): How to reduce depth maps that are larger than
            the logits; see :func:`.downsample_depth`.

    Raises:
        ValueError: An option is unknown, ``gamma`` is less than 1, or a
            weight negative.
    """

    same_shape = False

    def __init__(self, bins: dict | None = None, kind: str = 'ce',
                 alpha: float = 0.25, gamma: float = 2.0,
                 foreground_weight: float = 13.0,
                 background_weight: float = 1.0,
                 downsample: str = 'valid_min') -> None:
        super().__init__()
        name = type(self).__name__
        check_known(f'{name}: kind', kind, ('ce', 'focal'))
        check_known(f'{name}: downsample', downsample, DOWNSAMPLE)
        if gamma < 1:
            raise ValueError(f'{name}: gamma={gamma}, expected at least 1, '
                             'for a finite gradient where p = 1')
        for key, value in (('alpha', alpha), ('foreground_weight',
                                              foreground_weight),
                           ('background_weight', background_weight)):
            if not 0 <= value < math.inf:
                raise ValueError(f'{name}: {key}={value}, expected a finite '
                                 'number, 0 or more')
        self.bins = DepthBins.of(bins, name)
        self.kind, self.alpha, self.gamma = kind, alpha, gamma
        self.weights = (foreground_weight, background_weight)
        self.downsample = downsample

    @in_full_precision
    def forward(self, depth_logits: Tensor, depth: Tensor,
                batch_data_samples: Sequence[Any] | None = None) -> Tensor:
        """The loss.

        Args:
            depth_logits (Tensor): (N, K, H, W), with N or N + 1 classes.
            depth (Tensor): (N, H', W') or (N, 1, H', W'), metres, 0 = no
                value.
            batch_data_samples (Sequence, optional): Ground-truth boxes and
                ``batch_input_shape``; needed where the two weights differ.

        Returns:
            Tensor: A scalar, 0 where no pixel is valid.

        Raises:
            ValueError: The channels do not fit the bins, the images do not
                fit the depth maps, or the samples are missing.
        """
        target = depth_target(
            type(self).__name__, self.bins, depth_logits, depth,
            self.downsample)
        valid = target < depth_logits.shape[1]
        weight = valid * self._weights(depth_logits, batch_data_samples)
        log_p = F.log_softmax(depth_logits,
                              1).gather(1,
                                        target.masked_fill(~valid,
                                                           0)[:, None])[:, 0]
        loss = -log_p
        if self.kind == 'focal':
            loss = self.alpha * (-log_p.expm1())**self.gamma * loss
        total = weight.sum()
        return (loss * weight).sum() / torch.where(total > 0, total,
                                                   torch.ones_like(total))

    def _weights(self, like: Tensor, samples: Sequence[Any] | None) -> Tensor:
        """(N, H, W), or one number where both weights are equal."""
        foreground, background = self.weights
        if foreground == background:
            return like.new_tensor(background)
        if samples is None:
            raise ValueError(
                'DepthDistributionLoss: foreground_weight and '
                'background_weight differ, which needs batch_data_samples')
        inside = union_mask(boxes_of(samples), like.shape[-2:],
                            samples[0].metainfo['batch_input_shape'])
        return background + (foreground - background) * inside[:, 0].to(like)
