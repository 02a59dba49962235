"""Names of weights in files of Yet-Another-EfficientDet, and ours.

MM-DistillNet's files have the same names; some have a prefix of the wrapper
or of the modality before them. Source: the method's sheet, additions, B.1 and
B.2.
"""
import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

Value = TypeVar('Value')

_PARTS = dict(model_backbones='backbone_net', model_necks='bifpn',
              model_regressor='regressor', model_classifier='classifier')
_INSIDE = ('conv_list', 'bn_list', 'header')
_BLOCK = dict(_expand_conv='expand_conv', _bn0='expand_conv',
              _depthwise_conv='depthwise_conv', _bn1='depthwise_conv',
              _se_reduce='se.conv1', _se_expand='se.conv2',
              _project_conv='linear_conv', _bn2='linear_conv')
_SEPARABLE = dict(depthwise_conv='depthwise', pointwise_conv='pointwise',
                  bn='norm')
_BRANCH = dict(regressor='reg_branch', classifier='cls_branch')


def without_wrappers(name: str) -> str:
    """A name without the wrapper and the modality before it.

    Examples:
        >>> without_wrappers('module.model_backbones.thermal.model._bn0.bias')
        'backbone_net.model._bn0.bias'
        >>> without_wrappers('model_regressor.rgb.header.x')
        'regressor.header.x'
    """
    while name.startswith('module.'):
        name = name.removeprefix('module.')
    part, *rest = name.split('.')
    if part not in _PARTS:
        return name
    # Backbones and necks are always of a modality, heads not always.
    if part in ('model_backbones',
                'model_necks') or (rest and rest[0] not in _INSIDE):
        rest = rest[1:]
    return '.'.join([_PARTS[part], *rest])


def our_names(weights: Mapping[str, Value],
              own: Iterable[str]) -> dict[str, Value]:
    """Weights under the names of ``mmxkd``'s EfficientDet.

    Args:
        weights (Mapping): Under the names of a file.
        own (Iterable[str]): Names of the model; they tell how many blocks
            each stage of its backbone has.

    Returns:
        dict: The same values. A name that nobody knows stays as it is, and
        so is not of the model.

    Raises:
        ValueError: Two names of the file become one.
    """
    blocks = _blocks(own)
    renamed: dict[str, Value] = {}
    for name, value in weights.items():
        ours = _our_name(without_wrappers(name), blocks)
        if ours in renamed:
            raise ValueError(f'{name} and another weight of the file both '
                             f'are {ours}')
        renamed[ours] = value
    return renamed


def _blocks(own: Iterable[str]) -> list[str]:
    """Prefixes of all blocks, in order."""
    found = {(int(m[1]), int(m[2])) for name in own
             if (m := re.match(r'backbone\.layers\.(\d+)\.(\d+)\.', name))}
    return [f'backbone.layers.{i}.{j}' for i, j in sorted(found)]


def _our_name(name: str, blocks: list[str]) -> str:
    part, _, rest = name.partition('.')
    if part == 'backbone_net':
        return _of_backbone(rest.removeprefix('model.'), blocks) or name
    if part == 'bifpn':
        return _of_neck(rest) or name
    if part in _BRANCH:
        found = _of_head(rest)
        return f'bbox_head.{_BRANCH[part]}.{found}' if found else name
    return name


def _of_backbone(rest: str, blocks: list[str]) -> str | None:
    if match := re.fullmatch(r'_conv_stem\.conv\.weight', rest):
        return 'backbone.layers.0.conv.weight'
    if match := re.fullmatch(r'_bn0\.(\w+)', rest):
        return f'backbone.layers.0.bn.{match[1]}'
    match = re.fullmatch(r'_blocks\.(\d+)\.(\w+?)(\.conv)?\.(\w+)', rest)
    if match is None or match[2] not in _BLOCK or int(match[1]) >= len(blocks):
        return None
    kind = 'bn' if match[2].startswith('_bn') else 'conv'
    return f'{blocks[int(match[1])]}.{_BLOCK[match[2]]}.{kind}.{match[4]}'


def _of_neck(rest: str) -> str | None:
    cell, _, rest = rest.partition('.')
    if match := re.fullmatch(r'p(\d)_w([12])', rest):
        return f'{_node(cell, match[1], match[2] == "1")}.weights'
    if match := re.fullmatch(r'conv(\d)_(up|down)\.(.+)', rest):
        inside = _separable(match[3])
        # Their "up" is the way to finer maps.
        node = _node(cell, match[1], match[2] == 'up')
        return f'{node}.conv.{inside}' if inside else None
    if match := re.fullmatch(
            r'p(\d)_(down_channel|down_channel_2|to_p6)\.([01])\.'
            r'(?:conv\.)?(\w+)', rest):
        level = int(match[1]) - 3
        place = {
            'down_channel': f'laterals.{level}',
            'down_channel_2': f'upward_laterals.{level - 1}',
            'to_p6': 'extra.0'
        }[match[2]]
        return f'neck.{place}.{match[3]}.{match[4]}'
    return None


def _node(cell: str, level: str, downward: bool) -> str:
    if downward:
        return f'neck.cells.{cell}.downward.{int(level) - 3}'
    return f'neck.cells.{cell}.upward.{int(level) - 4}'


def _of_head(rest: str) -> str | None:
    if match := re.fullmatch(r'bn_list\.(\d+)\.(\d+)\.(\w+)', rest):
        return f'norms.{match[1]}.{match[2]}.{match[3]}'
    if match := re.fullmatch(r'(?:conv_list\.(\d+)|header)\.(.+)', rest):
        inside = _separable(match[2])
        place = 'predictor' if match[1] is None else f'convs.{match[1]}'
        return f'{place}.{inside}' if inside else None
    return None


def _separable(rest: str) -> str | None:
    match = re.fullmatch(r'(\w+?)(\.conv)?\.(\w+)', rest)
    if match is None or match[1] not in _SEPARABLE:
        return None
    return f'{_SEPARABLE[match[1]]}.{match[3]}'
