"""From the maps of a spectrogram to maps of the camera frame."""
from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from mmxkd.errors import ConfigError, check_number, check_size
from mmxkd.models.layers.same_padding import SeparableConv
from mmxkd.registry import MODELS

NORM: dict[str, Any] = dict(type='BN', eps=1e-3, momentum=0.01)


@MODELS.register_module()
class FrameProjector(BaseModule):
    """Lay out what was heard in the camera frame.

    The rows of a spectrogram are frequencies, and its columns are times, so
    that no cell of its maps belongs to a place of the picture. A network that
    is only stretched to the frame has to carry places through convolutions
    that treat all places alike. This neck reads the last map of the backbone
    as a whole: it is averaged over time, and fully connected layers turn all
    its bands into a map of the coarsest stride. Finer maps are made of that
    one, each with a bias of its own at each place.

    Args:
        in_channels (int): Of the backbone's last map.
        bands (int): Rows of that map; others are pooled to this number.
        frame (tuple[int, int]): Height and width of the camera frame, pixels.
        strides (Sequence[int]): Of the maps, fine to coarse; each is half of
            the next one.
        out_channels (int): Of all maps.
        hidden_channels (int): Between the fully connected layers.
        norm_cfg (dict): Of all batch norms.
        init_cfg (dict, optional): Of mmengine's ``BaseModule``.

    Raises:
        ConfigError: A number is out of range; the strides do not double, or
            do not divide the frame; the backbone's last map has other
            channels; or there is one sample in a batch of training.
    """

    def __init__(self, in_channels: int, bands: int, frame: tuple[int, int],
                 strides: Sequence[int] = (8, 16, 32), out_channels: int = 32,
                 hidden_channels: int = 256, norm_cfg: dict[str, Any] = NORM,
                 init_cfg: dict | None = None) -> None:
        super().__init__(init_cfg)
        for name, value in (('in_channels', in_channels), ('bands', bands),
                            ('out_channels', out_channels), ('hidden_channels',
                                                             hidden_channels)):
            check_number(f'FrameProjector: {name}', value, 1, whole=True)
        check_size('FrameProjector: frame', frame)
        if not isinstance(strides, Sequence):
            raise ConfigError(f'FrameProjector: strides={strides!r}, expected '
                              'numbers such as (8, 16, 32)')
        height, width = frame
        doubled = all(b == 2 * a
                      for a, b in zip(strides, strides[1:], strict=False))
        if not strides or not doubled or height % strides[-1] or (
                width % strides[-1]):
            raise ConfigError(
                f'FrameProjector: strides={strides} for frame={frame}, '
                'expected each to be half of the next one, and the last one '
                'to divide the frame')
        self.in_channels, self.bands = in_channels, bands
        self.coarsest = (height // strides[-1], width // strides[-1])
        cells = self.coarsest[0] * self.coarsest[1]
        self.project = nn.Sequential(
            nn.Linear(in_channels * bands, hidden_channels),
            nn.BatchNorm1d(hidden_channels), nn.SiLU(inplace=True),
            nn.Linear(hidden_channels, out_channels * cells))
        self.places = nn.ParameterList(
            nn.Parameter(torch.zeros(out_channels, height // s, width // s))
            for s in strides)
        self.convs = nn.ModuleList(
            SeparableConv(out_channels, out_channels, norm_cfg)
            for _ in strides)

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Make maps of the frame.

        Args:
            inputs (Sequence[Tensor]): Of the backbone; the last one, (N,
                in_channels, F, T), is read.

        Returns:
            tuple[Tensor, ...]: (N, out_channels, H / s, W / s) per stride.
        """
        found = inputs[-1].shape
        if found[1] != self.in_channels:
            raise ConfigError(
                f'FrameProjector: in_channels={self.in_channels}, but the '
                f"backbone's last map has {found[1]}")
        norm = self.project[1]
        # Not of SyncBN: it knows the samples of other processes.
        if (norm.training and found[0] == 1
                and isinstance(norm, nn.BatchNorm1d)):
            raise ConfigError(
                'FrameProjector: a batch of training has one sample, of which '
                'batch norm knows no variance; set batch_size of '
                'train_dataloader to 2 or more, and drop_last=True where one '
                'sample is left at the end of an epoch')
        heard = F.adaptive_avg_pool2d(inputs[-1], (self.bands, 1))
        x = self.project(heard.flatten(1)).unflatten(1, (-1, *self.coarsest))
        maps: list[Tensor] = []
        for i in reversed(range(len(self.convs))):
            if maps:
                x = F.interpolate(maps[0], scale_factor=2., mode='nearest')
            maps.insert(0, self.convs[i](F.silu(x + self.places[i])))
        return tuple(maps)
