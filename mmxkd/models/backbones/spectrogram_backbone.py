"""Any backbone of mmdet, on the sound of several microphones."""
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from mmxkd.errors import (
    ConfigError,
    check_known,
    check_number,
    check_size,
    did_you_mean,
)
from mmxkd.registry import MODELS

STEMS = ('fresh', 'average', 'inflate')


@MODELS.register_module()
class SpectrogramBackbone(BaseModule):
    """A backbone whose first convolution takes a map per microphone.

    Any detector hears by it: write your backbone's config here, and
    ``mmxkd.SoundDetDataPreprocessor`` as ``data_preprocessor``.

    Args:
        backbone (dict): Config of a backbone on RGB, pretrained or not.
        in_channels (int): Maps of a spectrogram; 8 microphones have 24 with
            phases.
        stem (str): What the first convolution starts from.

            - ``'fresh'``: torch's default.
            - ``'average'``: the mean of the RGB weights at each channel.
            - ``'inflate'``: the RGB weights, then their mean at each further
              channel.

            The last two are multiplied by 3 / ``in_channels``, so that the
            activations keep their size.
        stem_name (str, optional): Name of the first convolution; None: the
            first one on 3 channels.
        strides (Sequence[int], optional): Strides of the backbone's maps;
            with ``frame``.
        frame (tuple[int, int], optional): Height and width of the camera
            frame, pixels. The spectrogram then goes through the backbone in
            its own size, which is much smaller, and each map is resized to
            what an image of the frame would give. None: the data
            preprocessor has stretched it.
        init_cfg (dict, optional): Of mmengine's ``BaseModule``.

    Raises:
        ConfigError: There is no such convolution, it is frozen, ``frame``
            and ``strides`` do not go together, or a spectrogram has other
            maps.
    """

    def __init__(self, backbone: dict[str, Any], in_channels: int = 8,
                 stem: str = 'fresh', stem_name: str | None = None,
                 strides: Sequence[int] | None = None,
                 frame: tuple[int, int] | None = None,
                 init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        check_known('SpectrogramBackbone: stem', stem, STEMS)
        if (strides is None) != (frame is None):
            raise ConfigError(f'SpectrogramBackbone: frame={frame} and '
                              f'strides={strides} go together')
        check_number('SpectrogramBackbone: in_channels', in_channels, 1,
                     whole=True)
        if frame is not None:
            check_size('SpectrogramBackbone: frame', frame)
        if stem == 'inflate' and in_channels < 3:
            raise ConfigError(f'SpectrogramBackbone: in_channels='
                              f'{in_channels}, expected 3 or more for '
                              "stem='inflate'")
        self.stem, self.in_channels = stem, in_channels
        self.strides, self.frame = strides, frame
        self.backbone = MODELS.build(backbone)
        self.stem_name = self._find(stem_name)
        if self._conv.groups != 1:
            raise ConfigError(f'SpectrogramBackbone: {self.stem_name} has '
                              f'{self._conv.groups} groups, expected 1')
        # Neither a parameter nor a buffer: no part of the model.
        self._rgb = [self._conv.weight.detach()]
        self._fill()
        self._check_trains()

    def _check_trains(self) -> None:
        """Refuse a stem that would stay what it is now."""
        frozen = getattr(self.backbone, 'frozen_stages', -1)
        if self._conv.weight.requires_grad:
            return
        raise ConfigError(
            f'SpectrogramBackbone: {self.stem_name} is frozen '
            f'(frozen_stages={frozen}), but its weights are of no sound: '
            'expected frozen_stages=-1 in backbone, and norm_eval=False, '
            'since statistics of pictures are not those of sound')

    def _find(self, name: str | None) -> str:
        convs = dict(_convolutions(self.backbone))
        if name is None:
            name = next((n for n, c in convs.items() if c.in_channels == 3),
                        None)
            if name is None:
                raise ConfigError(
                    'SpectrogramBackbone: the backbone has no convolution on '
                    f'3 channels; its first ones: {list(convs)[:5]}')
        if name not in convs:
            raise ConfigError(f'SpectrogramBackbone: stem_name={name!r} is '
                              'not a convolution; '
                              + did_you_mean(name, convs))
        return name

    @property
    def _conv(self) -> nn.Conv2d:
        conv = self.backbone.get_submodule(self.stem_name)
        assert isinstance(conv, nn.Conv2d)
        return conv

    def init_weights(self) -> None:
        """Initialise as the backbone does, then derive the stem.

        Pretrained weights are of RGB, so that the convolution takes 3
        channels for that time. The parameter stays the same one: mmengine
        refuses a new one here.
        """
        conv = self._conv
        conv.in_channels = 3
        conv.weight.data = self._rgb[0].to(conv.weight.device)
        super().init_weights()
        self._rgb = [conv.weight.detach().clone()]
        self._fill()

    @torch.no_grad()
    def _fill(self) -> None:
        conv, channels = self._conv, self.in_channels
        rgb = self._rgb[0].to(conv.weight.device)
        conv.in_channels = channels
        mean = rgb.mean(1, keepdim=True).expand(-1, channels, -1, -1)
        weight = mean * (3 / channels)
        if self.stem == 'inflate':
            weight[:, :3] = rgb * (3 / channels)
        # DistributedDataParallel was told of this layout.
        conv.weight.data = weight.contiguous()
        if self.stem == 'fresh':
            conv.reset_parameters()

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Maps of a spectrogram (N, in_channels, F, T)."""
        if x.shape[1] != self.in_channels:
            raise ConfigError(
                f'SpectrogramBackbone: in_channels={self.in_channels}, but a '
                f'spectrogram has {x.shape[1]} maps; microphones have one '
                'each, and three with log_mel=dict(phase=True)')
        maps = tuple(self.backbone(x))
        if self.frame is None or self.strides is None:
            return maps
        if len(maps) != len(self.strides):
            raise ConfigError(
                f'SpectrogramBackbone: strides={self.strides} are of '
                f'{len(self.strides)} maps, the backbone gives {len(maps)}')
        height, width = self.frame
        return tuple(
            F.interpolate(m, size=(
                -(-height // s),
                -(-width // s)), mode='bilinear', align_corners=False)
            for m, s in zip(maps, self.strides, strict=True))


def _convolutions(module: nn.Module) -> Iterator[tuple[str, nn.Conv2d]]:
    for name, child in module.named_modules():
        if isinstance(child, nn.Conv2d):
            yield name, child
