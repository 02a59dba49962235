"""Two ways to a depth from a region: DID-M3D's and GUPNet's."""
import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmxkd.errors import check_known, check_number
from mmxkd.registry import MODELS

from .laplacian import LaplacianUncertaintyLoss, mean_or_zero
from .roi_branch import Regions, vector_head

Outputs = Mapping[str, Tensor]


class DepthHead(BaseModule):
    """What a RoI branch asks of its depth head.

    Attributes:
        extra_sizes (int): Outputs that it needs of the size head beside h, w
            and l.
        threshold_first (bool): Whether the score threshold applies to the
            score of the heatmap, before it is multiplied by the confidence.
        reads_depth_maps (bool): Whether its targets are depth maps too.
    """

    extra_sizes = 0
    threshold_first = True
    reads_depth_maps = False

    def __init__(self, mean_sizes: Tensor, init_cfg: Any = None) -> None:
        super().__init__(
            init_cfg
            or dict(type='Xavier', layer='Conv2d', distribution='uniform'))
        # Frozen and in single precision, as in the published checkpoints.
        self.mean_size = nn.Parameter(mean_sizes.float(), requires_grad=False)
        self.lap = LaplacianUncertaintyLoss()

    @abstractmethod
    def forward(self, features: Tensor, regions: Regions,
                sizes: Tensor) -> dict[str, Tensor]:
        """Depths of N objects, by name.

        Args:
            features (Tensor): (N, C, h, w).
            regions (Regions): Of the objects.
            sizes (Tensor): (N, 3 + extra_sizes) of the size head.
        """

    @abstractmethod
    def loss(self, outputs: Outputs, targets: Any) -> Tensor:
        """The loss of the depth; targets have ``depth`` (N, )."""

    @abstractmethod
    def size_loss(self, outputs: Outputs, target: Tensor) -> Tensor:
        """The loss of the size; target (N, 3), beyond the mean."""

    @abstractmethod
    def decode(self, outputs: Outputs) -> tuple[Tensor, Tensor]:
        """z in metres and a confidence in [0, 1], (N, ) each."""


def _spatial_head(in_channels: int, channels: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(in_channels, channels, 3, padding=1),
                         nn.LeakyReLU(inplace=True), nn.Conv2d(channels, 1, 1))


@MODELS.register_module()
class DidDepthHead(DepthHead):
    r"""Depth as the sum of what is seen and of what is not (DID-M3D, Peng et
    al., ECCV 2022).

    Per cell of a region: the visual depth :math:`e^{-o} s` of the surface,
    with s the pixels of the network's input over original pixels, which
    undoes the scale augmentation; the attribute depth from there to the
    centre; and log-variances of both.

    Args:
        in_channels, feat_channels (int): Of the regions and the layers.
        mean_sizes (Tensor): (K, 3).
        stride (int): Pixels of the network's input per cell.
        confidence (str): ``'ada'``: weighted by itself; ``'max'``.
        start_depth (float, optional): Visual depth of the untrained head in
            metres, with an uncertainty of its half; the last layers start
            small. Default: as in the originals, around 1 m, where the loss of
            depth is high at first.
    """

    reads_depth_maps = True

    def __init__(self, in_channels: int, feat_channels: int,
                 mean_sizes: Tensor, stride: int = 4, confidence: str = 'ada',
                 start_depth: float | None = None) -> None:
        super().__init__(mean_sizes)
        check_known('DidDepthHead: confidence', confidence, ('ada', 'max'))
        if start_depth is not None:
            check_number('DidDepthHead: start_depth', start_depth, above=0)
        self.stride, self.confidence = stride, confidence
        self.start_depth = start_depth
        self.vis_depth = _spatial_head(in_channels, feat_channels)
        self.att_depth = _spatial_head(in_channels, feat_channels)
        self.vis_depth_uncer = _spatial_head(in_channels, feat_channels)
        self.att_depth_uncer = _spatial_head(in_channels, feat_channels)

    def init_weights(self) -> None:
        """Xavier; or depths of ``start_depth``, uncertain by its half."""
        super().init_weights()
        if self.start_depth is None:
            return
        for head, bias in ((self.vis_depth, -math.log(self.start_depth)),
                           (self.vis_depth_uncer,
                            2 * math.log(self.start_depth / 2)),
                           (self.att_depth, 0.0), (self.att_depth_uncer, 0.0)):
            nn.init.normal_(head[-1].get_parameter('weight'), std=0.001)
            nn.init.constant_(head[-1].get_parameter('bias'), bias)

    def forward(self, features: Tensor, regions: Regions,
                sizes: Tensor) -> dict[str, Tensor]:
        """``vis_depth``, ``att_depth``, ``ins_depth`` and their ``_uncer``,
        (N, h, w) each: metres, and logarithms of variances."""
        scale = ((self.stride * regions.map_height).clamp(min=1)
                 / regions.height.clamp(min=1))
        vis = (-self.vis_depth(features)[:, 0]).exp() * scale[:, None, None]
        att = self.att_depth(features)[:, 0]
        vis_uncer = self.vis_depth_uncer(features)[:, 0]
        att_uncer = self.att_depth_uncer(features)[:, 0]
        return dict(vis_depth=vis, att_depth=att, ins_depth=vis + att,
                    vis_depth_uncer=vis_uncer, att_depth_uncer=att_uncer,
                    ins_depth_uncer=torch.logaddexp(vis_uncer, att_uncer))

    def terms(self, outputs: Outputs, targets: Any) -> dict[str, Tensor]:
        """The three parts of the loss.

        Targets have ``depth`` (N, ), and ``vis_depth`` and ``depth_valid``
        (N, h, w).
        """
        z = targets.depth[:, None, None]
        valid = targets.depth_valid
        return dict(
            vis=self.lap(outputs['vis_depth'], targets.vis_depth,
                         outputs['vis_depth_uncer'], valid),
            att=self.lap(outputs['att_depth'], z - targets.vis_depth,
                         outputs['att_depth_uncer'], valid),
            ins=self.lap(outputs['ins_depth'],
                         z.expand_as(outputs['ins_depth']),
                         outputs['ins_depth_uncer']))

    def loss(self, outputs: Outputs, targets: Any) -> Tensor:
        """The sum of :meth:`terms`."""
        return sum(
            self.terms(outputs, targets).values(),
            outputs['vis_depth'].new_zeros(()))

    def size_loss(self, outputs: Outputs, target: Tensor) -> Tensor:
        """L1."""
        return mean_or_zero((outputs['size_3d'] - target).abs())

    def decode(self, outputs: Outputs) -> tuple[Tensor, Tensor]:
        """See :meth:`DepthHead.decode`: cells weigh by their certainty."""
        certain = (-(outputs['ins_depth_uncer'] / 2).exp()).exp().flatten(1)
        total = certain.sum(1).clamp(min=torch.finfo(certain.dtype).tiny)
        z = (certain * outputs['ins_depth'].flatten(1)).sum(1) / total
        if self.confidence == 'max':
            return z, certain.amax(1)
        return z, certain.square().sum(1) / total


@MODELS.register_module()
class GupDepthHead(DepthHead):
    r"""Depth from the height of the object, and a bias (GUPNet, Lu et al.,
    ICCV 2021).

    :math:`z = f H / h_{2d} + b`, with the height H in metres of the size
    head, and the 2-D height in original pixels. The bias is
    :math:`1 / \sigma(o) - 1` and so never negative.

    Args:
        in_channels, feat_channels (int): Of the regions and the layers.
        mean_sizes (Tensor): (K, 3).
        stride (int): Not used; of the depth head's common arguments.
    """

    extra_sizes = 1
    threshold_first = False

    def __init__(self, in_channels: int, feat_channels: int,
                 mean_sizes: Tensor, stride: int = 4) -> None:
        super().__init__(mean_sizes)
        self.depth = vector_head(in_channels, feat_channels, 2)

    def forward(self, features: Tensor, regions: Regions,
                sizes: Tensor) -> dict[str, Tensor]:
        """``depth`` (N, 2): z and its log-variance; ``h3d_log_variance``
        (N, 1)."""
        focal = regions.camera.matrix[:, 0, 0].to(features)
        height = regions.height.clamp(min=1)
        metres = self.mean_size[regions.label, 0].to(sizes) + sizes[:, 0]
        raw, bias_variance = self.depth(features).unbind(1)
        bias = 1 / (raw.sigmoid() + 1e-6) - 1
        by_height = sizes[:, 3] + 2 * (focal.log() - height.log())
        return dict(
            depth=torch.stack([
                focal * metres / height + bias,
                torch.logaddexp(bias_variance, by_height)
            ], 1), h3d_log_variance=sizes[:, 3:])

    def loss(self, outputs: Outputs, targets: Any) -> Tensor:
        """See :class:`LaplacianUncertaintyLoss`."""
        z, log_variance = outputs['depth'].unbind(1)
        return self.lap(z, targets.depth, log_variance)

    def size_loss(self, outputs: Outputs, target: Tensor) -> Tensor:
        """L1 of width and length, and a Laplacian loss of the height."""
        sizes = outputs['size_3d']
        return (2 / 3 * mean_or_zero(
            (sizes[:, 1:] - target[:, 1:]).abs()) + 1 / 3 * self.lap(
                sizes[:, 0], target[:, 0], outputs['h3d_log_variance'][:, 0]))

    def decode(self, outputs: Outputs) -> tuple[Tensor, Tensor]:
        """See :meth:`DepthHead.decode`."""
        z, log_variance = outputs['depth'].unbind(1)
        return z, (-(log_variance / 2).exp()).exp()
