"""ShuffleDet's TensorFlow variables as weights of our detector."""
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from mmxkd.errors import CheckpointError, ConfigError, did_you_mean
from mmxkd.registry import MODELS

TEACHER = 'shuffleDet_supervisor/'
"""Prefix of the teacher's variables in a file of a distillation."""

OUTPUTS = 9 * (3 + 1 + 4)
"""Channels of the published head."""

_BN = {
    'gamma': 'weight', 'beta': 'bias', 'mean/EMA': 'running_mean',
    'variance/EMA': 'running_var'
}
_CONV = re.compile(
    r'(conv1|(?:group[123]|added3)/block\d+/(?:conv1|dconv|conv2))/'
    r'(?:W|bn/(gamma|beta|mean/EMA|variance/EMA))')
_HEAD = {'conv12/kernels': 'weight', 'conv12/biases': 'bias'}
# What a training file holds beside the detector, and why it is left out.
_LEFT_OUT = (
    (r'(^|/)adaptation/', 'the adapter, which training alone needs'),
    (r'Momentum', 'state of the optimizer'),
    (r'(^|/)(global_step|iou)$', 'state of the training'),
    (r'^learning_rate', 'state of the training'),
)


class ConvertedShuffleDet(NamedTuple):
    """What became of a file.

    Attributes:
        state (dict[str, Tensor]): Weights and statistics by the names of a
            detector with ``ShuffleDetNet`` and ``ConvDetHead``.
        left_out (dict[str, str]): Variable → why it has no place there.
        backbone (dict): Arguments of the backbone that the shapes tell.
    """

    state: dict[str, Tensor]
    left_out: dict[str, str]
    backbone: dict


def convert_shuffledet(arrays: Mapping[str, np.ndarray], path: str,
                       prefix: str = '') -> ConvertedShuffleDet:
    """Rename and transpose the variables of one ShuffleDet.

    Args:
        arrays (Mapping[str, np.ndarray]): TensorFlow's names and values;
            kernels are (H, W, in, out), depthwise ones (H, W, C, 1).
        path (str): The file, for messages.
        prefix (str): :data:`TEACHER` for the teacher in a file of a
            distillation, whose student has none.

    Raises:
        CheckpointError: A variable is missing, unknown, of another shape than
            the network needs, or not finite. Names the file and variable.
    """
    renamed: dict[str, tuple[str, np.ndarray]] = {}
    left_out: dict[str, str] = {}
    unknown: list[str] = []
    for name, value in arrays.items():
        reason = next(
            (why for pattern, why in _LEFT_OUT if re.search(pattern, name)),
            None)
        own = name.removeprefix(prefix)
        target = target_name(own) if name.startswith(prefix) else None
        if reason is not None:
            left_out[name] = reason
        elif target is not None:
            renamed[target] = (name, value)
        elif target_name(name.removeprefix(TEACHER)) is not None:
            left_out[name] = ('of the teacher' if name.startswith(TEACHER) else
                              'of the student')
        else:
            unknown.append(name)
    if unknown:
        raise CheckpointError(f'{path}: {len(unknown)} unknown variables: '
                              + ', '.join(unknown[:5])
                              + (', …' if unknown[5:] else ''))
    backbone, shapes = _expected(renamed, path, prefix)
    state = {
        target: _tensor(path, *renamed[target], shape)
        for target, shape in shapes.items()
    }
    return ConvertedShuffleDet(state, left_out, backbone)


def target_name(name: str) -> str | None:
    """Our name of a variable; None where it has none."""
    if name in _HEAD:
        return f'bbox_head.conv_det.{_HEAD[name]}'
    match = _CONV.fullmatch(name)
    if match is None:
        return None
    place = match[1].replace('/block', '.').replace('/', '.')
    part = f'bn.{_BN[match[2]]}' if match[2] else 'conv.weight'
    return f'backbone.{place}.{part}'


def _expected(renamed: Mapping[str, tuple[str, np.ndarray]], path: str,
              prefix: str) -> tuple[dict, dict[str, tuple[int, ...]]]:
    """The backbone's arguments, and the shape of each of its weights."""

    def shape(target: str, axes: int) -> tuple[int, ...]:
        if target not in renamed:
            others = {old for old, _ in renamed.values()}
            hint = (f'; {len(others)} others are there' if others else
                    f'; no variable of a ShuffleDet has the prefix {prefix!r}:'
                    ' for a teacher in a file of a distillation use the prefix'
                    f' {TEACHER!r}')
            raise CheckpointError(f'{path}: nothing for {target}{hint}')
        name, value = renamed[target]
        if value.ndim != axes or not value.size:
            raise CheckpointError(f'{path}: {name} is {value.shape}, expected '
                                  f'{axes} axes, none of them empty')
        return value.shape

    stem = shape('backbone.conv1.conv.weight', 4)[-1]
    last = shape('backbone.added3.1.conv2.conv.weight', 4)[-1]
    middle = shape('backbone.group1.0.conv1.conv.weight', 4)[-1]
    inputs = shape('backbone.group1.0.conv2.conv.weight', 4)[2]
    network: Any = MODELS.get('ShuffleDetNet')
    backbone: dict[str,
                   Any] = dict(width=last / network.base_channels[-1],
                               stem_channels=stem,
                               first_expand_groups=middle // max(inputs, 1))
    if backbone['first_expand_groups'] not in (1, network.groups):
        raise CheckpointError(f'{path}: group1/block0/conv2/W takes {inputs} '
                              f'of {middle} channels, expected {middle} or '
                              f'{middle // network.groups}')
    try:
        with torch.device('meta'):
            own = network(**backbone).state_dict()
    except ConfigError as error:
        raise CheckpointError(
            f'{path}: no ShuffleDet has a stem of {stem} channels (conv1/W) '
            f'and a last map of {last} (added3/block1/conv2/W). {error}'
        ) from error
    shapes = {
        f'backbone.{name}': tuple(value.shape) for name, value in own.items()
        if not name.endswith('num_batches_tracked')
    }
    outputs = shape('bbox_head.conv_det.bias', 1)[0]
    if outputs != OUTPUTS:
        raise CheckpointError(
            f'{path}: conv12/biases has {outputs} values, expected {OUTPUTS}: '
            '9 anchors with 3 classes, a confidence and 4 offsets each')
    shapes['bbox_head.conv_det.weight'] = (outputs, last, 3, 3)
    shapes['bbox_head.conv_det.bias'] = (outputs, )
    missing = [name for name in shapes if name not in renamed]
    if missing:
        raise CheckpointError(f'{path}: nothing for {len(missing)} weights: '
                              + ', '.join(missing[:5])
                              + (', …' if missing[5:] else ''))
    more = [renamed[name][0] for name in renamed if name not in shapes]
    if more:
        raise CheckpointError(
            f'{path}: the network has no place for '
            f'{more[0]}; ' + did_you_mean(
                target_name(more[0].removeprefix(prefix)) or '', shapes))
    return backbone, shapes


def _tensor(path: str, name: str, value: np.ndarray,
            shape: tuple[int, ...]) -> Tensor:
    if value.dtype != np.float32:
        raise CheckpointError(f'{path}: {name} is {value.dtype}, expected '
                              'float32')
    if value.ndim == 4:
        # The multiplier of a depthwise kernel stands last, and is 1.
        depthwise = name.endswith('/dconv/W')
        value = value.transpose((2, 3, 0, 1) if depthwise else (3, 2, 0, 1))
    if value.shape != shape:
        raise CheckpointError(f'{path}: {name} is {value.shape} after '
                              f'transposing, expected {shape}')
    if not np.isfinite(value).all():
        raise CheckpointError(f'{path}: {name} is not finite')
    return torch.from_numpy(np.ascontiguousarray(value))
