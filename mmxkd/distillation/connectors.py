"""Adapters between the shapes of student and teacher features."""
from collections.abc import Mapping, Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from mmxkd.engine.building import build_part
from mmxkd.errors import ConfigError
from mmxkd.registry import MODELS

from .building import CHANNELS


@MODELS.register_module()
class AlignConnector(nn.Module):
    """Bring a feature map to the channels and the size of another one.

    A 1×1 convolution where the channels differ, bilinear resizing where the
    size does; nothing where both agree.

    Args:
        in_channels (int): Channels of the feature.
        out_channels (int): Channels of the target.
    """

    takes_target = True

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv: nn.Conv2d | None = None
        if in_channels != out_channels:
            self.conv = nn.Conv2d(in_channels, out_channels, 1)

    def describe(self) -> str:
        """For the table of connectors."""
        resize = 'resize where sizes differ'
        return resize if self.conv is None else (
            f'1×1 conv {self.conv.in_channels} → {self.conv.out_channels}, '
            + resize)

    def forward(self, feature: Tensor, target: Tensor) -> Tensor:
        """Align a feature.

        Args:
            feature (Tensor): (N, C_in, H, W).
            target (Tensor): (N, C_out, H', W').

        Returns:
            Tensor: (N, C_out, H', W').
        """
        if self.conv is not None:
            feature = self.conv(feature)
        if feature.shape[-2:] != target.shape[-2:]:
            feature = F.interpolate(feature, target.shape[-2:],
                                    mode='bilinear', align_corners=False)
        return feature


@MODELS.register_module()
class ConvConnector(nn.Sequential):
    """A small stack of convolutions, each of stride 1 and of the same size.

    ========================================== =============================
    ``kernel_sizes=[1]``                       a 1×1 convolution, the hint
                                               adaptation of Chen et al. 2017
    ``[3], last_activation=True,               the adapter of fine-grained
    init_std=1e-4``                            imitation (Wang et al. 2019)
    ``[3, 1]``                                 3×3, ReLU, 1×1, the adapter of
                                               MonoDistill and MonoSKD
    ========================================== =============================

    Args:
        in_channels (int): Channels of the feature.
        out_channels (int): Channels of the target, and of all layers
            between.
        kernel_sizes (list[int]): Odd size of each convolution.
        batch_norm (bool): Normalise before each activation.
        last_activation (bool): A ReLU also after the last convolution, for
            targets that are not negative.
        init_std (float, optional): Weights are drawn from a normal
            distribution of this standard deviation, cut off at two of them,
            and biases are 0. Default: PyTorch's initialisation.

    Raises:
        ValueError: A kernel size is even, or there is none.
    """

    def __init__(self, in_channels: int, out_channels: int,
                 kernel_sizes: Sequence[int] = (1, ), batch_norm: bool = False,
                 last_activation: bool = False,
                 init_std: float | None = None) -> None:
        if not kernel_sizes or not all(k % 2 for k in kernel_sizes):
            raise ValueError('ConvConnector: kernel_sizes='
                             f'{list(kernel_sizes)}, expected odd numbers')
        layers: list[nn.Module] = []
        for i, kernel in enumerate(kernel_sizes):
            activated = last_activation or i + 1 < len(kernel_sizes)
            layers.append(
                nn.Conv2d(out_channels if i else in_channels, out_channels,
                          kernel, padding=kernel // 2,
                          bias=not (batch_norm and activated)))
            if activated:
                if batch_norm:
                    layers.append(nn.BatchNorm2d(out_channels))
                layers.append(nn.ReLU())
        super().__init__(*layers)
        for layer in layers:
            if isinstance(layer, nn.Conv2d) and init_std is not None:
                nn.init.trunc_normal_(layer.weight, std=init_std,
                                      a=-2 * init_std, b=2 * init_std)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def describe(self) -> str:
        """For the table of connectors."""
        return ', '.join(
            f'{m.kernel_size[0]}×{m.kernel_size[1]} conv {m.in_channels} → '
            f'{m.out_channels}' if isinstance(m, nn.Conv2d) else type(m).
            __name__ for m in self)


class LevelConnector(nn.ModuleList):
    """One connector for each level of a list of features."""

    takes_target = True

    def forward(self, features: Sequence[Tensor],
                targets: Sequence[Tensor]) -> list[Tensor]:
        """Apply connector ``i`` to feature ``i``."""
        return [
            connect(module, feature,
                    target) for module, feature, target in zip(
                        self, features, targets, strict=True)
        ]


def connect(connector: nn.Module, value, target):
    """Apply a connector to a tensor, or to each tensor of a list.

    Connectors of ours may look at the target; those of others take the
    feature alone.
    """
    if isinstance(connector, LevelConnector):
        if isinstance(value, Tensor):
            return connector([value], [target])[0]
        return connector(value, target)
    if isinstance(value, (list, tuple)):
        targets = (target if isinstance(target, (list, tuple)) else [target]
                   * len(value))
        return [
            connect(connector, v, t)
            for v, t in zip(value, targets, strict=True)
        ]
    if getattr(connector, 'takes_target', False):
        return connector(value, target)
    return connector(value)


def infer_connector(student: list[Tensor],
                    teacher: list[Tensor]) -> LevelConnector | None:
    """Connectors that make the student's levels look like the teacher's.

    Args:
        student, teacher (list[Tensor]): (N, C, H, W) each, equal in number.

    Returns:
        LevelConnector | None: None where all shapes agree already.

    Raises:
        ValueError: Shapes that differ and are not those of feature maps.
    """
    if all(s.shape == t.shape for s, t in zip(student, teacher, strict=True)):
        return None
    for s, t in zip(student, teacher, strict=True):
        maps = s.dim() == t.dim() == 4 and len(s) == len(t)
        if s.shape != t.shape and not maps:
            raise ValueError(
                f'shapes {tuple(s.shape)} (student) and {tuple(t.shape)} '
                '(teacher) differ, and a connector can be inferred for '
                "(N, C, H, W) maps only; state one by connector=dict(…)")
    return LevelConnector(
        AlignConnector(s.shape[1], t.shape[1])
        for s, t in zip(student, teacher, strict=True))


def check_maps(levels: Sequence[Tensor], what: str) -> None:
    """Refuse what a loss of feature maps would take for one.

    Raises:
        ConfigError: A level is not an (N, C, H, W) map.
    """
    for level in levels:
        if level.dim() != 4:
            raise ConfigError(f'{what} is {tuple(level.shape)}, no '
                              '(N, C, H, W) map')


def connectors_for(config: Mapping, student: Sequence[Tensor],
                   teacher: Sequence[Tensor], key: str) -> LevelConnector:
    """One connector per level, with the channels that its config leaves out.

    Raises:
        ConfigError: There are no channels to be read, or the connector
            cannot be built.
    """
    for levels in (student, teacher):
        check_maps(levels, f'{key}: state {CHANNELS}, since a level')
    return LevelConnector(
        build_part({'in_channels': s.shape[1], 'out_channels': t.shape[1]}
                   | dict(config), key)
        for s, t in zip(student, teacher, strict=True))
