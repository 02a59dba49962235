"""mmdet3d's DLA-34 with the initialisation of CenterNet's, at any width."""
from collections.abc import Sequence
from typing import Any

from mmdet3d.models.backbones import DLANet
from torch import Tensor

from mmxkd.errors import ConfigError, check_known
from mmxkd.registry import MODELS

_KAIMING = dict(type='Kaiming', layer='Conv2d', mode='fan_out')
_ONE = dict(type='Constant', layer='_BatchNorm', val=1)


@MODELS.register_module()
class MonoDLANet(DLANet):
    """DLA-34 (Yu et al., CVPR 2018) as monocular detectors use it.

    mmdet3d's network, whose levels equal those of DID-M3D's, with batch norm
    and the initialisation of that code: N(0, 2 / (k² · out)).

    The trees of levels 3 and 4 compute a projection that nothing reads. Its
    parameters never get a gradient, for which DDP would wait, so they are
    frozen. They stay, since published checkpoints hold them.

    Args:
        depth (int): 34.
        width (float): Of all levels, relative to 16, 32, 64, 128, 256, 512
            channels; 0.25 makes a tiny one.
        out_indices (Sequence[int]): Levels to return, of strides 1, 2, 4, 8,
            16, 32. Default: those that the neck reads.
        norm_cfg (dict, optional): Default: batch norm.
        init_cfg (dict, optional): Default: as above.
        **kwargs: Of mmdet3d's ``DLANet``.

    Raises:
        ConfigError: A level would have no channel, or there is no such level
            or depth.
    """

    def __init__(self, depth: int = 34, width: float = 1.0,
                 out_indices: Sequence[int] = (2, 3, 4, 5),
                 norm_cfg: dict | None = None, init_cfg: Any = None,
                 **kwargs: Any) -> None:
        check_known('MonoDLANet: depth', depth, DLANet.arch_settings)
        for index in out_indices:
            check_known('MonoDLANet: out_indices', index, range(6))
        if not isinstance(width, (int, float)):
            raise ConfigError(f'MonoDLANet: width={width!r}, expected a '
                              'number')
        # mmdet3d reads the channels from the class; of the instance here.
        self.arch_settings = {
            key: (block, levels, tuple(round(c * width) for c in channels))
            for key, (block, levels, channels) in DLANet.arch_settings.items()
        }
        if min(self.arch_settings[depth][2]) < 1:
            raise ConfigError(f'MonoDLANet: width={width} leaves a level '
                              'without channels; expected 1/16 or more')
        super().__init__(depth, out_indices=out_indices, norm_cfg=norm_cfg
                         or dict(type='BN'), init_cfg=init_cfg
                         or [_KAIMING, _ONE], **kwargs)
        for level in (self.level3, self.level4):
            level.project.requires_grad_(False)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """The levels of pictures (N, C, H, W).

        Raises:
            ConfigError: The size is not a multiple of the coarsest stride:
                mmdet3d's trees add maps that would not have one size.
        """
        stride = 2**(self.num_levels - 1)
        if x.shape[-1] % stride or x.shape[-2] % stride:
            raise ConfigError(
                f'MonoDLANet: pictures of {x.shape[-1]}x{x.shape[-2]}, '
                f'expected multiples of {stride}: set pad_size_divisor='
                f'{stride} of the data preprocessor')
        return super().forward(x)
