"""EfficientDet-D2 with weights in closed form, as its goldens were made."""
from collections.abc import Iterator

import torch
from mmdet.utils import register_all_modules
from torch import Tensor, nn

from mmxkd.registry import MODELS


def build(channels: int = 8, classes: int = 20, **head) -> nn.Module:
    """mmdet's single-stage detector with our parts, D2."""
    register_all_modules(init_default_scope=False)
    return MODELS.build(
        dict(
            type='mmdet.SingleStageDetector',
            backbone=dict(type='mmxkd.EfficientNet', in_channels=channels,
                          drop_path_rate=0.), neck=dict(type='mmxkd.BiFPN'),
            bbox_head=dict(type='mmxkd.EfficientDetHead', num_classes=classes,
                           **head)))


def fill(model: nn.Module, phase: float, fusion: tuple[tuple, tuple],
         norms: bool = True) -> nn.Module:
    """Set all weights by a formula of their position; float64."""
    model.double()
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.data = _wave(module.weight.shape, phase)
            if module.bias is not None:
                module.bias.data = _sine(len(module.bias))
        elif isinstance(module, nn.BatchNorm2d) and norms:
            c = torch.arange(1, module.num_features + 1).double()
            module.weight.data = 1 + 0.1 * torch.cos(2 * c)
            module.bias.data = 0.1 * torch.sin(3 * c)
            module.momentum = 1
    for name, parameter in model.named_parameters():
        if name.endswith('.weights'):
            parameter.data = torch.tensor(fusion[len(parameter) - 2],
                                          dtype=torch.float64)
    return model


def _sine(n: int) -> Tensor:
    return 0.01 * torch.sin(torch.arange(1, n + 1).double())


def _wave(shape: torch.Size, phase: float) -> Tensor:
    o, i, h, w = torch.meshgrid(
        *(torch.arange(1, n + 1).double() for n in shape), indexing='ij')
    z = 43758.5453 * torch.sin(12.9898 * o + 78.233 * i + 37.719 * h
                               + 4.581 * w + phase)
    fan_in = shape[1] * shape[2] * shape[3]
    return (z - z.floor() - 0.5) * (12 * 2.2 / fan_in)**0.5


def rows(levels: list[Tensor], width: int) -> Tensor:
    """(N, A, width) of the maps of all levels."""
    return torch.cat([
        level.permute(0, 2, 3, 1).reshape(len(level), -1, width)
        for level in levels
    ], 1)


def parts(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The stem before its activation, and the blocks, in order."""
    yield 'stem', model.backbone.layers[0].bn
    for layer in model.backbone.layers[1:]:
        yield from layer.named_children()
