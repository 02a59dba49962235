"""Structured pruning: whole channels go, and the detector gets faster."""
from typing import Any

import torch
from mmdet.models.dense_heads import SSDHead
from mmdet.models.detectors import SingleStageDetector
from torch import Tensor, nn

from mmxkd.engine.packages import PRUNING, check_installed
from mmxkd.errors import ConfigError
from mmxkd.models import ConvDetHead, ShuffleDetNet

from .shuffledet import prune_shuffledet

#: Channels are left in multiples of this, where layers allow it.
ROUND_TO = 8


def prune(model: Any, ratio: float, size: tuple[int, int]) -> None:
    """Remove the weakest channels of a detector, in place.

    ShuffleDet is pruned by our own rules, see :mod:`.shuffledet`; SSDs by
    torch-pruning, which follows each channel through all layers (DepGraph).

    Args:
        model (SingleStageDetector): ShuffleDet, or one with an SSD head.
        ratio (float): Share of the channels that goes, above 0, below 1.
        size (tuple[int, int]): Height and width of inputs.

    Raises:
        ConfigError: The ratio is out of range, or as
            :func:`check_prunable`.
    """
    if not 0 < ratio < 1:
        raise ConfigError(f'prune={ratio}, expected a share of the channels, '
                          'above 0 and below 1')
    check_prunable(model)
    if isinstance(model.bbox_head, ConvDetHead):
        prune_shuffledet(model, ratio)
    else:
        _prune_by_dependencies(model, ratio, size)


def check_prunable(model: Any) -> None:
    """Raise where :func:`prune` has no way to prune a detector.

    Raises:
        ConfigError: There are no rules for it, or torch-pruning, which SSDs
            need, is not installed.
    """
    if isinstance(model, SingleStageDetector):
        head = model.bbox_head
        if isinstance(model.backbone, ShuffleDetNet) and isinstance(
                head, ConvDetHead):
            return
        if isinstance(head, SSDHead):
            check_installed('pruning an SSD', PRUNING)
            return
    raise ConfigError(
        f'model: {type(model).__name__} cannot be pruned; expected a '
        'one-stage detector with mmxkd.ShuffleDetNet and mmxkd.ConvDetHead, '
        'or with an SSD head')


class _Maps(nn.Module):
    """The outputs of a head as one flat list, for torch-pruning."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> list[Tensor]:
        levels = self.model.bbox_head(self.model.extract_feat(image))
        return [level for maps in levels for level in maps]


def _prune_by_dependencies(model: Any, ratio: float, size: tuple[int,
                                                                 int]) -> None:
    # An optional dependency: requirements/compress.txt.
    import torch_pruning
    head = model.bbox_head
    last = [
        layers[-1] for convs in (head.cls_convs, head.reg_convs)
        for layers in convs
    ]
    wrapped = _Maps(model.eval())
    pruner = torch_pruning.pruner.BasePruner(
        wrapped, torch.zeros(1, 3, *size),
        importance=torch_pruning.importance.GroupMagnitudeImportance(p=2),
        pruning_ratio=ratio, ignored_layers=last, round_to=ROUND_TO)
    pruner.step()
