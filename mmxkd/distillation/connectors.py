"""Adapters between the shapes of student and teacher features."""
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from mmxkd.registry import MODELS


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


class LevelConnector(nn.ModuleList):
    """One connector for each level of a list of features."""

    takes_target = True

    def forward(self, features: Sequence[Tensor],
                targets: Sequence[Tensor]) -> list[Tensor]:
        """Apply connector ``i`` to feature ``i``."""
        return [
            connect(module, feature, target)
            for module, feature, target in zip(
                self, features, targets, strict=True)
        ]


def connect(connector: nn.Module, value, target):
    """Apply a connector to a tensor, or to each tensor of a list.

    Connectors of ours may look at the target; those of others take the
    feature alone.
    """
    if isinstance(value, (list, tuple)) and not isinstance(
            connector, LevelConnector):
        targets = (target if isinstance(target, (list, tuple)) else
                   [target] * len(value))
        return [
            connect(connector, v, t)
            for v, t in zip(value, targets, strict=True)
        ]
    if getattr(connector, 'takes_target', False):
        return connector(value, target)
    return connector(value)


def infer_connector(student: list[Tensor], teacher: list[Tensor]
                    ) -> LevelConnector | None:
    """Connectors that make the student's levels look like the teacher's.

    Args:
        student, teacher (list[Tensor]): (N, C, H, W) each, equal in number.

    Returns:
        LevelConnector | None: None where all shapes agree already.

    Raises:
        ValueError: Shapes that differ and are not those of feature maps.
    """
    if all(s.shape == t.shape
           for s, t in zip(student, teacher, strict=True)):
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
