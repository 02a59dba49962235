"""Whether what is read inside two RoI heads is of the same regions."""
from typing import Any

import torch
from torch import Tensor, nn

from mmxkd.errors import ConfigError
from mmxkd.recording.recorders import tensors_in


def region_point(model: nn.Module, path: str) -> str | None:
    """Hook point of the regions that a layer inside a RoI head works on.

    Args:
        model (nn.Module): The detector.
        path (str): Dotted name of the layer.

    Returns:
        str, optional: All calls of the extractor of its RoI head, or of its
        stage; None where the layer is not inside a RoI head.
    """
    names = path.split('.')
    for end in range(len(names) - 1, 0, -1):
        owner = '.'.join(names[:end])
        module = model.get_submodule(owner)
        part = 'mask' if names[end].startswith('mask') else 'bbox'
        extractor = getattr(module, f'{part}_roi_extractor', None)
        if extractor is None:
            continue
        point = f'{owner}.{part}_roi_extractor'
        if isinstance(extractor, nn.ModuleList):
            stage = names[end + 1] if len(names) > end + 1 else '0'
            point += f'.{stage if stage.isdigit() else 0}'
        return f'{point}.inputs@*'
    return None


def check_same_regions(student: Any, teacher: Any, key: str, own: str,
                       other: str) -> None:
    """Refuse to compare what two RoI heads say of different regions.

    The k-th row of one would be compared with the k-th row of the other,
    although each detector proposes and samples regions of its own.

    Args:
        student, teacher: What the extractors were called with; the regions
            are the tensors of shape (N, 5): image and xyxy.
        key (str): The config key of the loss.
        own, other (str): What the loss reads.

    Raises:
        ConfigError: The regions differ.
    """
    regions = [[t for t in tensors_in(side) if _are_regions(t)]
               for side in (student, teacher)]
    same = len(regions[0]) == len(regions[1]) and all(
        a.shape == b.shape and torch.equal(a, b.to(a))
        for a, b in zip(*regions, strict=True))
    if not same:
        raise ConfigError(
            f'{key}: {own} of the student and {other} are of different '
            'regions: each detector proposes and samples its own. Let both '
            "work on the same ones: type='ChenRoIHeadLoss', which runs the "
            "teacher's RoI head on the student's regions, or read the dense "
            'head or the neck')


def _are_regions(tensor: Tensor) -> bool:
    return tensor.dim() == 2 and tensor.shape[1] == 5
