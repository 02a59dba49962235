"""A forward pass on a grey picture, to learn shapes before training."""
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.logging import print_log
from mmengine.structures import InstanceData
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmxkd.errors import ConfigError
from mmxkd.recording.tape import Tape

from .views import is_mmdet3d

_BATCH = 2


def can_dry_run(model: nn.Module) -> bool:
    """Whether a model takes one stack of images.

    Of mmdet3d these are the monocular detectors. Others take points or
    several cameras; their connectors are stated, not inferred.
    """
    return not is_mmdet3d(model) or any(
        c.__name__ == 'SingleStageMono3DDetector' for c in type(model).__mro__)


def input_channels(model: nn.Module) -> int:
    """Channels of the images that a model takes: its first convolution's."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            return module.in_channels
    raise ConfigError(f'{type(model).__name__} has no 2-D convolution to '
                      'tell its input channels; set dry_run=False')


def grey_batch(model: nn.Module, size: tuple[int, int]
               ) -> tuple[Tensor, list]:
    """A batch of grey pictures with one box each."""
    height, width = size
    parameter = next(model.parameters())
    # YOLOX-like stems slice the picture before the first convolution.
    channels = input_channels(model)
    stem = getattr(getattr(model, 'backbone', None), 'stem', None)
    if type(stem).__name__ == 'Focus':
        channels //= 4
    inputs = parameter.new_zeros((_BATCH, channels, height, width))
    samples = []
    for i in range(_BATCH):
        boxes = inputs.new_tensor([[8., 8., width / 2, height / 2]])
        sample = DetDataSample(metainfo=dict(
            img_id=i, img_path='', img_shape=size, ori_shape=size,
            pad_shape=size, batch_input_shape=size, scale_factor=(1.0, 1.0)))
        sample.gt_instances = InstanceData(
            bboxes=boxes, labels=torch.zeros(
                1, dtype=torch.long, device=inputs.device))
        if getattr(model, 'with_mask', False):
            sample.gt_instances.masks = BitmapMasks(
                np.ones((1, height, width), np.uint8), height, width)
        sample.ignored_instances = InstanceData(bboxes=boxes[:0],
                                                labels=torch.zeros(0).long())
        samples.append(sample)
    return inputs, samples


@contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """Leave random numbers and batch statistics as they were."""
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm)]
    modes = [m.training for m in norms]
    for module in norms:
        module.eval()
    try:
        with torch.random.fork_rng(), torch.no_grad():
            yield
    finally:
        for module, mode in zip(norms, modes, strict=True):
            module.training = mode


def dry_run(model: nn.Module, tape: Tape, mode: str,
            size: tuple[int, int]) -> Any:
    """Fill a tape from a grey batch; find records that get overwritten.

    Returns:
        What the model returns; None if it failed behind the recorded layers.

    Raises:
        ConfigError: The model cannot be run on a grey picture.
    """
    inputs, samples = grey_batch(model, size)
    found = None
    try:
        with untouched(model), tape.listen():
            found = model(
                dict(imgs=inputs) if is_mmdet3d(model) else inputs, samples,
                mode=mode)
    except Exception as error:
        if not tape.full:
            raise ConfigError(
                f'dry run of {tape.name!r} ({type(model).__name__}) on grey '
                f'pictures {tuple(inputs.shape)} failed: '
                f'{type(error).__name__}: {error}. Set another size by '
                'dry_run=(H, W), or dry_run=False and state the connectors'
            ) from error
        # What lies behind the recorded layers need not run on a grey
        # picture.
        print_log(f'{tape.name}: the dry run went up to the recorded layers, '
                  f'since the rest refuses a grey picture ({error})',
                  logger='current')
    overwritten = tape.copy_overwritten()
    if overwritten:
        print_log(
            f'{tape.name}: {", ".join(overwritten)} is changed in place by '
            'a later layer; its records are copied', logger='current')
    return found
