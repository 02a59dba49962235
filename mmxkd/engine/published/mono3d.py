"""DID-M3D, GUPNet, MonoSKD and DLA-34, for our monocular detectors.

Source: the method's sheet, additions B; names as in the golden networks.
"""
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from mmxkd.errors import CheckpointError, ConfigError, check_known

from .files import Convert
from .renaming import Converted, rename

#: Channels of the heatmap and rows of the mean sizes, in published files.
CLASSES = ('Pedestrian', 'Car', 'Cyclist')
#: Prefixes of the two networks in a file of a distillation.
PARTS = dict(rgb='centernet_rgb.', depth='centernet_depth.')
KINDS = ('did_m3d', 'gupnet', 'monoskd', 'dla34')

_DEPTH = ('vis_depth', 'att_depth', 'vis_depth_uncer', 'att_depth_uncer',
          'depth', 'mean_size')
_DENSE = ('heatmap', 'offset_2d', 'size_2d')
_ROWS = ('offset_3d', 'size_3d', 'heading')
_REGIONS = 'bbox_head.roi_branch'
_PLACES = dict(backbone='backbone', feat_up='neck')
_PLACES |= {name: f'bbox_head.{name}' for name in _DENSE}
_PLACES |= {name: f'{_REGIONS}.{name}' for name in _ROWS}
_PLACES |= {name: f'{_REGIONS}.depth.{name}' for name in _DEPTH}
# Of ImageNet, which no detector asks.
_CLASSIFIER = 'backbone.fc.'
_NORM = re.compile(r'\bbn([12])\b')


def rule(name: str) -> str | None:
    """The new name of a tensor; None for the classifier.

    Raises:
        KeyError: There is no such layer.

    Examples:
        >>> rule('backbone.level3.tree1.root.bn.weight')
        'backbone.level3.tree1.root.norm.weight'
        >>> rule('feat_up.ida_0.up_1.weight')
        'neck.ida_0.up_1.weight'
        >>> rule('vis_depth.0.bias')
        'bbox_head.roi_branch.depth.vis_depth.0.bias'
    """
    if name.startswith(_CLASSIFIER):
        return None
    start, dot, rest = name.partition('.')
    if start == 'backbone':
        rest = _NORM.sub(r'norm\1', rest).replace('root.bn.', 'root.norm.')
    return _PLACES[start] + dot + rest


def converter(
    kind: str, classes: Sequence[str], part: str | None = None,
    left_out: Sequence[str] = ()) -> Convert:
    """What :func:`.files.convert_file` calls for one kind of file.

    Args:
        kind (str): One of :data:`KINDS`.
        classes (Sequence[str]): Of the model, in its order. Published files
            have another one: heatmaps, mean sizes and the one-hot channels
            of regions are put in this order.
        part (str, optional): ``'rgb'`` or ``'depth'``, of a file of a
            distillation; the other one is dropped.
        left_out (Sequence[str]): Prefixes of what else to drop, such as
            adapters. Each must be there.

    Raises:
        ConfigError: A word is unknown, or the classes are not those three.
    """
    check_known('kind', kind, KINDS)
    if part is not None:
        check_known('part', part, PARTS)
    if kind != 'dla34' and sorted(classes) != sorted(CLASSES):
        raise ConfigError(f'the model has the classes {tuple(classes)}, '
                          f'published files {CLASSES}')

    def convert(state, model, path: str) -> Converted:
        _check_part(kind, part, state, path)
        for prefix in left_out:
            if not any(name.startswith(prefix) for name in state):
                raise CheckpointError(f'{path}: nothing in it starts with '
                                      f'{prefix!r}, which is to be dropped')
        found = rename(state, _with_parts(kind, part, tuple(left_out)), model,
                       ('neck.', 'bbox_head.') if kind == 'dla34' else (),
                       path)
        if kind == 'dla34':
            # Without the counters of layers that the file knows nothing of.
            return replace(
                found, state={
                    name: value for name, value in found.state.items()
                    if name.startswith('backbone.')
                })
        _reorder(found, [CLASSES.index(name) for name in classes])
        return found

    return convert


def _check_part(kind: str, part: str | None, state: Mapping[str, Tensor],
                path: str) -> None:
    """Whether a file is of a distillation, and ``part`` given for it."""
    there = [
        name for name, prefix in PARTS.items() if any(
            key.startswith(prefix) for key in state)
    ]
    if there and part is None and kind != 'dla34':
        raise CheckpointError(
            f'{path} holds the networks {there} of a distillation: say which '
            'by --part')
    if part is not None and part not in there:
        raise CheckpointError(
            f'{path}: nothing in it starts with {PARTS[part]!r}, so there is '
            f'no part {part!r}'
            + (f', but {there}' if there else ': leave --part out'))


def _with_parts(kind: str, part: str | None, left_out: tuple[str, ...]):
    prefix = '' if part is None else PARTS[part]
    others = tuple(p for p in PARTS.values() if part and p != prefix)

    def with_parts(name: str) -> str | None:
        if left_out and name.startswith(left_out):
            return None
        if others and name.startswith(others):
            return None
        if not name.startswith(prefix):
            raise KeyError(name)
        own = name.removeprefix(prefix)
        return rule(f'backbone.{own}' if kind == 'dla34' else own)

    return with_parts


def _reorder(found: Converted, order: list[int]) -> None:
    """Put what belongs to classes in another order, in place."""
    index = torch.tensor(order)
    state = found.state
    for name in ('heatmap.2.weight', 'heatmap.2.bias',
                 'roi_branch.depth.mean_size'):
        key = f'bbox_head.{name}'
        state[key] = state[key][index]
    for name, value in state.items():
        # The last channels that each head of regions reads are its class.
        if re.fullmatch(r'bbox_head\.roi_branch\..+\.0\.weight', name):
            state[name] = _last_channels(value, index)


def _last_channels(weight: Tensor, index: Tensor) -> Tensor:
    keep = weight.shape[1] - len(index)
    return torch.cat([weight[:, :keep], weight[:, keep:][:, index]], 1)
