"""Structured pruning of ShuffleDet, equally in each group.

Three groups and a shuffle tie channels to multiples of three, and the pooled
shortcut ties the outputs of the units to each other. Two kinds of channels
can go without touching either: those of the bottlenecks, which three layers
know of, and those of the last map, which has no shortcut.
"""
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmxkd.models.backbones.shuffledet_net import GROUPS, ShuffleUnit
from mmxkd.models.detectors.narrow_detector import keep_channels


def prune_shuffledet(model: Any, ratio: float) -> None:
    """Remove the weakest channels, in place.

    Args:
        model (SingleStageDetector): With a ``ShuffleDetNet`` and a
            ``ConvDetHead``.
        ratio (float): Share of the channels of each bottleneck and of the
            last map that goes, 0 to below 1; rounded, at least one channel
            per group stays. Where it would be a single one of 2, 5, 8 … in
            each group, none goes.
    """
    units = [m for m in model.backbone.modules() if isinstance(m, ShuffleUnit)]
    for unit in units:
        prune_bottleneck(unit, ratio)
    last = units[-1].conv2
    parts = [last.conv.weight, last.bn.weight]
    kept = _strongest_per_group(
        importance(parts, [model.bbox_head.conv_det.weight]), last.conv.groups,
        ratio)
    keep_channels(last.conv, kept)
    keep_channels(last.bn, kept)
    head = model.bbox_head.conv_det
    keep_channels(head, torch.arange(head.out_channels), kept)
    head.in_channels = len(kept)


def prune_bottleneck(unit: ShuffleUnit, ratio: float) -> None:
    """Remove bottleneck channels of a unit, in place.

    The same number goes of each third of the first convolution's outputs,
    and what is left lies in the same group of the last convolution as before,
    so that the unit computes what it would with the others set to 0.
    """
    first, middle, last = unit.conv1, unit.dconv, unit.conv2
    size = first.conv.out_channels // GROUPS
    there = _cells(size)
    left = max(1, round(size * (1 - ratio)))
    # Of 2, 5, 8 … channels a single one cannot go: in one pair of groups,
    # before and behind the shuffle, there would have to be one more.
    while any(len(own) > len(there[at]) for at, own in _cells(left).items()):
        left += 1
    # Position of each channel behind the shuffle, where it meets the others.
    behind = torch.arange(size * GROUPS).reshape(size, GROUPS).T.flatten()
    columns = _columns(last.conv)
    score = importance([
        first.conv.weight, first.bn.weight, middle.conv.weight[behind],
        middle.bn.weight[behind], columns[behind]
    ])
    rows = []
    for group in range(GROUPS):
        chosen: list[int] = []
        for target in range(GROUPS):
            cell = there[group, target]
            number = len(_cells(left)[group, target])
            own = score[[group * size + i for i in cell]]
            best = own.argsort(descending=True, stable=True)[:number]
            chosen += sorted(cell[i] for i in best.tolist())
        rows.append(torch.tensor(chosen) + group * size)
    kept = torch.cat(rows)
    # Of the channels behind the shuffle, in their new order.
    new = torch.arange(left * GROUPS).reshape(left, GROUPS).T.flatten()
    after = torch.empty_like(kept)
    after[new] = behind[kept]
    keep_channels(first.conv, kept)
    keep_channels(first.bn, kept)
    keep_channels(middle.conv, after)
    keep_channels(middle.bn, after)
    middle.conv.in_channels = middle.conv.groups = len(after)
    _keep_inputs(last.conv, after)


def _cells(size: int) -> dict[tuple[int, int], list[int]]:
    """Which channels of each group lie in which one behind the shuffle.

    Args:
        size (int): Channels of a group.

    Returns:
        dict: By the groups before and behind, indices within the one before.
    """
    return {(group, target): [
                i for i in range(size)
                if (GROUPS * i + group) // size == target
            ] for group in range(GROUPS) for target in range(GROUPS)}


def importance(
    outputs: Sequence[Tensor], inputs: Sequence[Tensor] = ()) -> Tensor:
    """How much each channel matters: its norm in the layers that know it.

    Squared norms, each over its mean in the layer, are added. Source: Fang
    et al., "DepGraph", CVPR 2023, section 3.3.

    Args:
        outputs (Sequence[Tensor]): Weights whose first axis is the channel.
        inputs (Sequence[Tensor]): Weights whose second axis is the channel.

    Returns:
        Tensor: (C, ) from 0.
    """
    parts = [*outputs, *(w.transpose(0, 1) for w in inputs)]
    norms = [p.detach().reshape(len(p), -1).square().sum(1) for p in parts]
    # A layer of zeros says nothing of its channels.
    return torch.stack([n / n.mean().clamp(min=1e-12) for n in norms]).sum(0)


def _strongest_per_group(score: Tensor, groups: int, ratio: float) -> Tensor:
    """Indices, sorted, of the same number of channels in each group."""
    size = len(score) // groups
    left = max(1, round(size * (1 - ratio)))
    best = score.reshape(groups, size).argsort(dim=1, descending=True,
                                               stable=True)[:, :left]
    return (best.sort(1)[0] + torch.arange(groups)[:, None] * size).flatten()


def _columns(conv: nn.Conv2d) -> Tensor:
    """(C, …): the weights that read each input channel."""
    weight = conv.weight.detach()
    grouped = weight.reshape(conv.groups, -1, weight.shape[1])
    return grouped.transpose(1, 2).reshape(conv.in_channels, -1)


def _keep_inputs(conv: nn.Conv2d, kept: Tensor) -> None:
    """Keep some inputs of a grouped 1×1 convolution, as many per group."""
    size = conv.in_channels // conv.groups
    weight = conv.weight.data.reshape(conv.groups, -1, size)
    own = (kept % size).reshape(conv.groups, -1)
    assert (kept // size == torch.arange(conv.groups).repeat_interleave(
        own.shape[1])).all()
    weight = torch.stack([w[:, i] for w, i in zip(weight, own, strict=True)])
    conv.weight = nn.Parameter(weight.reshape(conv.out_channels, -1, 1, 1))
    conv.in_channels = len(kept)
