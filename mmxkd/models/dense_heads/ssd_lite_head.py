"""The predictors of SSDLite."""
from mmcv.cnn import ConvModule
from torch import nn

from mmxkd.registry import MODELS

from .classwise_ssd_head import ClasswiseSSDHead


@MODELS.register_module()
class SSDLiteHead(ClasswiseSSDHead):
    """A depthwise layer and a 1×1 layer per level; on the last the 1×1 alone.

    mmdet's ``SSDHead`` with ``use_depthwise`` has a depthwise layer on the
    last level too, a map of 1×1, and no bias where a norm follows. This one
    has the layers of published SSDLite detectors, so that their weights fit.

    Args:
        norm_cfg, act_cfg (dict, optional): Of the depthwise layers; default
            batch norm and ReLU6.
        **kwargs: Of :class:`ClasswiseSSDHead`.
    """

    def __init__(self, norm_cfg: dict | None = None,
                 act_cfg: dict | None = None, **kwargs) -> None:
        super().__init__(norm_cfg=norm_cfg or dict(type='BN'), act_cfg=act_cfg
                         or dict(type='ReLU6'), **kwargs)

    def _init_layers(self) -> None:
        self.cls_convs, self.reg_convs = (nn.ModuleList(
            self._predictor(level, outputs)
            for level in range(len(self.in_channels))) for outputs in (
                self.cls_out_channels, 4))

    def _predictor(self, level: int, outputs: int) -> nn.Sequential:
        inward = self.in_channels[level]
        last = nn.Conv2d(inward, self.num_base_priors[level] * outputs, 1)
        if level == len(self.in_channels) - 1:
            return nn.Sequential(last)
        return nn.Sequential(
            ConvModule(inward, inward, 3, padding=1, groups=inward, bias=True,
                       norm_cfg=self.norm_cfg, act_cfg=self.act_cfg), last)
