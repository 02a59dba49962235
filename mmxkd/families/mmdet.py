"""mmdet's detectors, and all that are called like them."""
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmdet.models.backbones.csp_darknet import Focus
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmxkd.errors import ConfigError

from .base import Detector, Family, Step, serves

BATCH = 2
"""Pictures of a grey batch: batch norms of training need two."""


class MMDetFamily(Family):
    """Detectors whose forward takes (N, C, H, W) images.

    Also the family of a model that no other family owns.
    """
    name = 'mmdet'

    def owns(self, module: nn.Module) -> bool:
        """Whether a class of mmdet, or one derived from it, made a module."""
        return made_by('mmdet', module)

    def can_dry_run(self, model: nn.Module) -> bool:
        """Always: images of any number of channels are easily made."""
        return True

    def grey_batch(self, model: nn.Module,
                   size: tuple[int, int]) -> tuple[Any, list]:
        """See :meth:`.base.Family.grey_batch`: (2, C, H, W) zeros."""
        height, width = size
        parameter = next(model.parameters())
        inputs = parameter.new_zeros(
            (BATCH, input_channels(model), height, width))
        samples = []
        for i in range(BATCH):
            boxes = inputs.new_tensor([[8., 8., width / 2, height / 2]])
            sample = DetDataSample(metainfo=dict(
                img_id=i, img_path='', img_shape=size, ori_shape=size,
                pad_shape=size, batch_input_shape=size, scale_factor=(1.0,
                                                                      1.0)))
            labels = torch.zeros(1, dtype=torch.long, device=inputs.device)
            sample.gt_instances = InstanceData(bboxes=boxes, labels=labels)
            if getattr(model, 'with_mask', False):
                sample.gt_instances.masks = BitmapMasks(
                    np.ones((1, height, width), np.uint8), height, width)
            sample.ignored_instances = InstanceData(bboxes=boxes[:0],
                                                    labels=labels[:0])
            samples.append(sample)
        return inputs, samples

    def predict(self, model: Detector, inputs: Any, samples: list) -> list:
        """See :meth:`.base.Family.predict`; boxes are not rescaled."""
        if hasattr(model, 'predict'):
            return model.predict(inputs, samples, rescale=False)
        return model(inputs, samples, mode='predict')

    def head_inputs(self, model: nn.Module) -> str:
        """Hook point of the maps that the dense head is called with."""
        for path, module in model.named_modules():
            if module is find_head(model):
                return f'{path}.inputs'
        return ''

    @serves()
    def strides(self, step: Step) -> list[tuple[int, int]]:
        """Stride (x, y) in pixels of each level of the dense head."""
        return strides_of(step.model)

    @serves(reads='head_inputs')
    def grid_sizes(self, step: Step) -> list[tuple[int, int]]:
        """H, W of each level of the dense head."""
        return grid_sizes_of(step.model, step.samples[0].batch_input_shape,
                             step.record('head_inputs'))

    @serves(reads='head_inputs')
    def anchors(self, step: Step) -> list[Tensor]:
        """(H·W·A, 4) xyxy of each level, in pixels of the input."""
        return anchors_of(step.model, self.grid_sizes(step), step.device)


def made_by(package: str, module: nn.Module) -> bool:
    """Whether a class of a package, or one derived from it, made a module."""
    return any(
        c.__module__.split('.')[0] == package for c in type(module).__mro__)


def input_channels(model: nn.Module) -> int:
    """Channels of the images that a model takes: its first convolution's.

    Raises:
        ConfigError: It has no convolution.
    """
    sliced = 1
    for module in model.modules():
        if isinstance(module, Focus):
            # It slices the picture into four before its convolution.
            sliced = 4
        if isinstance(module, nn.Conv2d):
            return module.in_channels // sliced
    raise ConfigError(f'{type(model).__name__} has no 2-D convolution to '
                      'tell its input channels; set dry_run=False')


def find_head(model: nn.Module) -> nn.Module | None:
    """The dense head of a detector: what has a prior generator."""
    for module in model.modules():
        if getattr(module, 'prior_generator', None) is not None:
            return module
    return None


def find_prior_generator(model: nn.Module) -> Any:
    """The prior generator of a detector's dense head.

    Raises:
        ConfigError: No part of the model has one.
    """
    head = find_head(model)
    if head is None:
        raise ConfigError("it asks for 'anchors' or 'strides', but no head "
                          f'of {type(model).__name__} has a prior_generator')
    return head.prior_generator


def strides_of(student: nn.Module) -> list[tuple[int, int]]:
    """Stride (x, y) in pixels of each level of the dense head."""
    return [
        tuple(s) if isinstance(s, (list, tuple)) else (s, s)
        for s in find_prior_generator(student).strides
    ]


def grid_sizes_of(student: nn.Module, batch_input_shape: tuple[int, int],
                  head_inputs: Any = None) -> list[tuple[int, int]]:
    """H, W of each level of the dense head.

    Strides alone do not tell them: SSD's last levels and HRNet's pyramid
    round down, most others round up.

    Args:
        student (nn.Module): The detector.
        batch_input_shape (tuple[int, int]): Height and width of the padded
            input.
        head_inputs (tuple | dict, optional): What the head was called with.
            Without it, or where it holds other than one map per level, the
            input size is divided by the strides and rounded up.

    Raises:
        ConfigError: No part of the model has a prior generator.
    """
    strides = strides_of(student)
    maps = _first_of(head_inputs)
    if isinstance(maps, (list, tuple)) and len(maps) == len(strides):
        return [tuple(m.shape[-2:]) for m in maps]
    height, width = batch_input_shape
    return [(math.ceil(height / y), math.ceil(width / x)) for x, y in strides]


def _first_of(inputs: Any) -> Any:
    """The first argument of a call, by position or by name."""
    values = list(inputs.values()) if isinstance(inputs, dict) else inputs
    return values[0] if values else None


def anchors_of(student: nn.Module, sizes: Sequence[tuple[int, int]],
               device: torch.device) -> list[Tensor]:
    """Anchors of each level, (H·W·A, 4) xyxy in pixels of the input.

    Args:
        student (nn.Module): The detector.
        sizes (list[tuple[int, int]]): H, W of each level.
        device (torch.device): Where they shall be.

    Raises:
        ConfigError: The detector has none, or points instead.
    """
    generator = find_prior_generator(student)
    # mmdet may wrap boxes in a class of its own.
    priors = [
        getattr(p, 'tensor', p)
        for p in generator.grid_priors(sizes, device=device)
    ]
    if any(p.shape[-1] != 4 for p in priors):
        raise ConfigError(
            f"it asks for 'anchors', but {type(student).__name__} has points "
            f'({type(generator).__name__})')
    return priors
