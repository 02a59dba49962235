"""A depth branch that exists while a student is trained, and its losses."""
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from mmxkd.errors import check_keys, check_number
from mmxkd.losses.base import Levels
from mmxkd.registry import MODELS

from .bins import KITTI_FOCAL, apparent_depth_ratio
from .depth_dual_kl import DepthDualKLLoss
from .distribution import DepthDistributionLoss

#: Options of the mimicking loss that are not the branch's own.
_MIMIC = ('kind', 'alpha', 'gamma', 'foreground_weight', 'background_weight')


class DepthBranch(nn.Sequential):
    """Logits of depth bins from a feature map.

    MonoMMKD's figure shows three blocks; that each is a 3×3 convolution with
    batch norm and ReLU is **our reading**.

    Args:
        in_channels (int): Of the map.
        feat_channels (int): Of the blocks.
        bins (int): N.
        blocks (int): How many.
    """

    def __init__(self, in_channels: int, feat_channels: int, bins: int,
                 blocks: int = 3) -> None:
        layers: list[nn.Module] = []
        for i in range(blocks):
            layers += [
                nn.Conv2d(feat_channels if i else in_channels, feat_channels,
                          3, padding=1, bias=False),
                nn.BatchNorm2d(feat_channels),
                nn.ReLU(inplace=True)
            ]
        super().__init__(*layers, nn.Conv2d(feat_channels, bins, 1))


@MODELS.register_module()
class DepthBranchDualKLLoss(DepthDualKLLoss):
    r"""MonoMMKD's distillation: a depth branch of the student, and DualKL
    where that branch is unsure.

    .. math:: L = w_{mim} L_{mim} + w_{kd} L_{DualKL}

    The branch reads a map of the student, and learns by
    :class:`.DepthDistributionLoss`. Its uncertainty weighs the features in
    :class:`.DepthDualKLLoss`. It is a part of the loss, so that the student
    is the plain one: nothing of it is left when it is tested.

    No formula of MonoMMKD is public: the weights, the place of the branch
    and all else that its figure does not show are **our reading**.

    With ``reference_focal``, depths are apparent depths, as seen in the
    augmented picture: see :func:`.apparent_depth_ratio`.

    Args:
        in_channels (int): Of the map that the branch reads.
        feat_channels (int): Of the branch.
        mimic (dict, optional): Of :class:`.DepthDistributionLoss`, but for
            the bins and the way to downsample.
        mimic_weight, kd_weight (float): :math:`w_{mim}, w_{kd}`.
        reference_focal (float, optional): Focal length, in pixels of the
            network's input, for which depths are apparent depths. None: of
            KITTI's camera at a width of 1280; 0: true depths.
        **options: Of :class:`.DepthDualKLLoss`.

    Raises:
        ConfigError: A number is out of range, or ``mimic`` has an unknown
            key.
    """

    def __init__(self, in_channels: int, feat_channels: int = 128,
                 mimic: dict | None = None, mimic_weight: float = 1.0,
                 kd_weight: float = 1.0, reference_focal: float | None = None,
                 **options: Any) -> None:
        super().__init__(**options)
        if reference_focal is None:
            reference_focal = KITTI_FOCAL
        for name, value in (('mimic_weight', mimic_weight),
                            ('kd_weight', kd_weight), ('reference_focal',
                                                       reference_focal)):
            check_number(f'DepthBranchDualKLLoss: {name}', value, 0)
        for name, value in (('in_channels', in_channels), ('feat_channels',
                                                           feat_channels)):
            check_number(f'DepthBranchDualKLLoss: {name}', value, above=0,
                         whole=True)
        check_keys('DepthBranchDualKLLoss: mimic', mimic or {}, _MIMIC)
        self.branch = DepthBranch(in_channels, feat_channels, self.bins.number)
        self.mimic = DepthDistributionLoss(options.get('bins'),
                                           downsample=self.downsample,
                                           **(mimic or {}))
        self.mimic_weight, self.kd_weight = mimic_weight, kd_weight
        self.reference_focal = reference_focal
        self._logged: dict[str, Tensor] = {}

    def seen_depth(self, depth: Tensor,
                   input_focal: Tensor | None = None) -> Tensor:
        """Depths as the branch learns them: apparent or true ones.

        Args:
            depth (Tensor): (N, H, W) or (N, 1, H, W), metres.
            input_focal (Tensor): See :meth:`levels`.

        Raises:
            ValueError: The focal lengths are missing.
        """
        if not self.reference_focal:
            return depth
        if input_focal is None:
            raise ValueError(
                'DepthBranchDualKLLoss: reference_focal='
                f'{self.reference_focal} needs the focal lengths of the '
                'pictures; set it to 0 for true depths')
        ratio: Any = apparent_depth_ratio(input_focal, 1.,
                                          self.reference_focal)
        return depth * ratio.to(depth).view(-1, *[1] * (depth.dim() - 1))

    def levels(  # type: ignore[override]
            self, s_feature: Levels, t_feature: Levels, depth_feature: Tensor,
            depth: Tensor, batch_data_samples: Sequence[Any] | None = None,
            input_focal: Tensor | None = None) -> list[Tensor]:
        """DualKL of each level, and last the mimicking loss.

        Args:
            s_feature, t_feature (Tensor | list[Tensor]): Student and
                teacher, (N, C, H, W) each.
            depth_feature (Tensor): (N, C', H', W') of the student, for the
                branch.
            depth (Tensor): (N, H'', W'') or (N, 1, H'', W''), metres, 0 = no
                value.
            batch_data_samples (Sequence): Ground-truth boxes, whose pixels
                weigh more in the mimicking loss.
            input_focal (Tensor): (N, ) focal lengths in pixels of the
                network's input; needed unless ``reference_focal`` is 0.

        Raises:
            ValueError: Shapes or numbers of maps do not agree, or the focal
                lengths are missing.
        """
        depth = self.seen_depth(depth, input_focal)
        logits = self.branch(depth_feature)
        mimic = self.mimic(logits, depth, batch_data_samples)
        # The branch learns by the mimicking loss alone.
        found = super().levels(s_feature, t_feature, logits.detach(), depth)
        self._logged = dict(mimic=mimic.detach(),
                            dual_kl=super().reduce(found).detach())
        return [*found, mimic]

    def reduce(self, levels: Sequence[Tensor]) -> Tensor:
        """The weighted sum of both parts."""
        return (self.kd_weight * super().reduce(levels[:-1])
                + self.mimic_weight * levels[-1])

    def metrics(self) -> dict[str, Tensor]:
        """Both parts without their weights."""
        return {**super().metrics(), **self._logged}
