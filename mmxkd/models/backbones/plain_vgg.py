"""VGG as the backbone of a two-stage detector."""
from mmcv.cnn import VGG
from mmengine.model import BaseModule
from torch import Tensor

from mmxkd.errors import check_known
from mmxkd.registry import MODELS

from .early_freezing import EarlyFreezing


@MODELS.register_module()
class PlainVGG(EarlyFreezing, VGG, BaseModule):
    """mmcv's ``VGG`` up to its last convolution: one map of stride 16.

    There is no pooling behind it, and none of the layers that SSD adds.

    Args:
        depth (int): 11, 13, 16 or 19.
        frozen_stages (int): Stages that do not train; -1: all train.
        init_cfg (dict, optional): Default: He's normal initialisation.

    Raises:
        ConfigError: There is no VGG of this depth, or no such stage.

    Examples:
        >>> import torch
        >>> maps = PlainVGG(11)(torch.zeros(1, 3, 32, 64))
        >>> [tuple(map.shape) for map in maps]
        [(1, 512, 2, 4)]
    """

    def __init__(self, depth: int = 16, frozen_stages: int = -1,
                 init_cfg: dict | None = None) -> None:
        check_known('PlainVGG: depth', depth, VGG.arch_settings)
        check_known('PlainVGG: frozen_stages', frozen_stages, range(-1, 6))
        # Its own __init__ goes on to that of BaseModule, without arguments.
        super().__init__(depth, out_indices=(4, ), frozen_stages=frozen_stages,
                         with_last_pool=False)
        self.init_cfg = init_cfg or dict(type='Kaiming', layer='Conv2d')
        # Freezes.
        self.train()

    def init_weights(self, pretrained: None = None) -> None:
        """As ``init_cfg`` says."""
        BaseModule.init_weights(self)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """(N, 3, H, W) to one map, (N, 512, H // 16, W // 16)."""
        return (super().forward(x), )
