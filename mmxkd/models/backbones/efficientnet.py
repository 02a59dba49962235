"""EfficientNet on any number of input channels."""
from typing import Any

from mmcv.cnn import ConvModule
from mmdet.models.backbones import EfficientNet as MMDET_EfficientNet

from mmxkd.errors import ConfigError
from mmxkd.registry import MODELS

from .early_freezing import EarlyFreezing


@MODELS.register_module()
class EfficientNet(EarlyFreezing, MMDET_EfficientNet):
    """mmdet's ``EfficientNet`` for inputs other than RGB.

    The defaults are those of EfficientDet: the maps at strides 8, 16 and 32,
    batch norm with ``eps=1e-3, momentum=0.01``, and TensorFlow's "same"
    padding. The activation is torch's fused ``SiLU``: mmcv's ``Swish`` is the
    same function, and keeps one map more for the backward pass.

    Args:
        arch (str): As mmdet's: ``'b0'`` to ``'b8'``, ``'es'``, ``'em'`` or
            ``'el'``.
        in_channels (int): Of the images or spectrograms.
        drop_path_rate (float): Of the last block; it grows from 0 in equal
            steps. In the published D2 block i of 23 has 0.2 · i / 23, so that
            the last one has 0.2 · 22 / 23.
        out_indices (tuple[int, ...]): As mmdet's.
        norm_cfg (dict): As mmdet's.
        act_cfg (dict): As mmdet's.
        **kwargs: Others of mmdet's ``EfficientNet``.

    Raises:
        ConfigError: ``in_channels`` is not a whole number above 0.

    Source: Tan and Le 2019, arXiv 1905.11946.
    """

    def __init__(
            self,
            arch: str = 'b2',
            in_channels: int = 3,
            drop_path_rate: float = 0.2 * 22 / 23,
            out_indices: tuple[int, ...] = (3, 4, 5),
            norm_cfg: dict[str, Any] = dict(  # noqa: B006
                type='BN', eps=1e-3, momentum=0.01),
            act_cfg: dict[str, Any] = dict(type='SiLU'),  # noqa: B006
            **kwargs) -> None:
        if type(in_channels) is not int or in_channels < 1:
            raise ConfigError(f'EfficientNet: in_channels={in_channels!r}, '
                              'expected a whole number above 0')
        super().__init__(arch=arch, drop_path_rate=drop_path_rate,
                         out_indices=out_indices, norm_cfg=norm_cfg,
                         act_cfg=act_cfg, **kwargs)
        rgb = self.layers[0].conv
        if in_channels != rgb.in_channels:
            self.layers[0] = ConvModule(in_channels, rgb.out_channels,
                                        rgb.kernel_size[0],
                                        stride=rgb.stride[0],
                                        padding=rgb.kernel_size[0] // 2,
                                        conv_cfg=self.conv_cfg,
                                        norm_cfg=self.norm_cfg,
                                        act_cfg=self.act_cfg)
        # Freezes, the new stem too.
        self.train()
