"""The extra levels of SSDLite."""
from collections.abc import Sequence

from mmdet.models.layers import InvertedResidual
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import SyncBatchNorm, _BatchNorm

from mmxkd.errors import ConfigError
from mmxkd.registry import MODELS


@MODELS.register_module()
class InvertedResidualNeck(BaseModule):
    """Inverted residual blocks of stride 2, one per further level.

    mmdet's ``SSDNeck`` makes its levels of a 1×1 layer and a depthwise
    separable one; published SSDLite detectors on MobileNetV2 go on with
    inverted residual blocks.

    Args:
        in_channels (Sequence[int]): Channels of the maps of the backbone,
            which are passed on as the first levels.
        out_channels (Sequence[int]): Channels of the further levels.
        expand_ratios (Sequence[float]): Hidden channels of each further
            level, over its input's.
        norm_cfg, act_cfg (dict): Of each layer.
        init_cfg (dict, optional): Default: He's normal initialisation by the
            number of outgoing connections.

    Raises:
        ConfigError: There are not as many ratios as further levels.

    Examples:
        >>> import torch
        >>> neck = InvertedResidualNeck((8, 16), (8, 4), (0.5, 0.5)).eval()
        >>> maps = neck((torch.zeros(1, 8, 6, 6), torch.zeros(1, 16, 3, 3)))
        >>> [tuple(map.shape) for map in maps]
        [(1, 8, 6, 6), (1, 16, 3, 3), (1, 8, 2, 2), (1, 4, 1, 1)]
    """

    def __init__(self, in_channels: Sequence[int], out_channels: Sequence[int],
                 expand_ratios: Sequence[float], norm_cfg: dict | None = None,
                 act_cfg: dict | None = None,
                 init_cfg: dict | list | None = None) -> None:
        super().__init__(init_cfg or dict(type='Kaiming', layer='Conv2d'))
        if len(out_channels) != len(expand_ratios):
            raise ConfigError(
                f'InvertedResidualNeck: {len(expand_ratios)} expand_ratios, '
                f'expected one per further level: {len(out_channels)}')
        inward = in_channels[-1]
        self.extra_layers = nn.ModuleList()
        for outward, ratio in zip(out_channels, expand_ratios, strict=True):
            self.extra_layers.append(
                InvertedResidual(inward, outward, round(inward * ratio),
                                 stride=2, norm_cfg=norm_cfg
                                 or dict(type='BN'), act_cfg=act_cfg
                                 or dict(type='ReLU6')))
            inward = outward

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """The maps of the backbone, and each further one half as large.

        Raises:
            ConfigError: In training, batch norm would see one value per
                channel: one picture, and a map of 1×1.
        """
        outs = list(inputs)
        for layer in self.extra_layers:
            self._check_batch(outs[-1])
            outs.append(layer(outs[-1]))
        return tuple(outs)

    def _check_batch(self, x: Tensor) -> None:
        # Not in testing: an exported graph takes batches of any size, and
        # must not be asked for one.
        if not self.training or x.numel() == 0 or len(x) > 1 or max(
                x.shape[2:]) > 2:
            return
        alone = [
            layer for layer in self.modules() if isinstance(layer, _BatchNorm)
            and layer.training and not isinstance(layer, SyncBatchNorm)
        ]
        if alone:
            raise ConfigError(
                'InvertedResidualNeck: a batch of 1 cannot train: batch norm '
                'would see one value per channel on the map of 1x1. Set '
                'train_dataloader.batch_size to 2 or more (and drop_last=True '
                'where the last batch has one picture), or sync_bn="torch" '
                'with several GPUs')
