"""MobileNetV2-SSDLite of ``pytorch-ssd`` for ``mmxkd``'s student."""
import re
from collections.abc import Mapping

from torch import Tensor

from .renaming import Converted, background_last, rename

# How many blocks each stage of MobileNetV2 has.
_BLOCKS = (1, 2, 3, 4, 3, 3, 1)
#: Of each block between stem and last layer, its stage and its place there.
_PLACES = [(stage, block) for stage, count in enumerate(_BLOCKS, start=1)
           for block in range(count)]
_LAST = len(_PLACES) + 1
_EXPANDED = {
    '0': 'expand_conv.conv', '1': 'expand_conv.bn', '3': 'depthwise_conv.conv',
    '4': 'depthwise_conv.bn', '6': 'linear_conv.conv', '7': 'linear_conv.bn'
}
# The first block does not expand.
_PLAIN = {
    '0': 'depthwise_conv.conv', '1': 'depthwise_conv.bn',
    '3': 'linear_conv.conv', '4': 'linear_conv.bn'
}
_ENDS = {'0': 'conv', '1': 'bn'}
_PREDICTOR = {'0': '0.conv', '1': '0.bn', '3': '1'}
_HEADS = {'regression': 'reg_convs', 'classification': 'cls_convs'}
_END = re.compile(r'base_net\.(0|18)\.([01])\.(\w+)')
_BLOCK = re.compile(r'base_net\.(\d+)\.conv\.(\d)\.(\w+)')
_EXTRA = re.compile(r'extras\.(\d)\.conv\.(\d)\.(\w+)')
_HEAD = re.compile(r'(regression|classification)_headers\.(\d)\.(?:(\d)\.)?'
                   r'(\w+)')


def rule(name: str) -> str | None:
    """The new name of a tensor; None for the adaptation that nobody used.

    Raises:
        KeyError: There is no such layer.

    Examples:
        >>> rule('base_net.14.conv.0.weight')
        'backbone.layer6.0.expand_conv.conv.weight'
        >>> rule('classification_headers.5.bias')
        'bbox_head.cls_convs.5.0.bias'
    """
    if name.startswith('adaptation.'):
        return None
    if found := _END.fullmatch(name):
        place = 'conv1' if found[1] == '0' else 'conv2'
        return f'backbone.{place}.{_ENDS[found[2]]}.{found[3]}'
    if found := _BLOCK.fullmatch(name):
        number = int(found[1])
        if not 1 <= number < _LAST:
            raise KeyError(name)
        stage, block = _PLACES[number - 1]
        layer = (_PLAIN if number == 1 else _EXPANDED)[found[2]]
        return f'backbone.layer{stage}.{block}.{layer}.{found[3]}'
    if found := _EXTRA.fullmatch(name):
        return f'neck.extra_layers.{found[1]}.{_EXPANDED[found[2]]}.{found[3]}'
    if found := _HEAD.fullmatch(name):
        kind, level, layer, value = found.groups()
        part = '0' if layer is None else _PREDICTOR[layer]
        return f'bbox_head.{_HEADS[kind]}.{level}.{part}.{value}'
    raise KeyError(name)


def convert_mb2_ssd_lite(state: Mapping[str, Tensor], model: Mapping[str,
                                                                     Tensor],
                         path: str = 'checkpoint') -> Converted:
    """Names of ``TappedMobileNetV2``, its neck and ``SSDLiteHead``.

    All of ``mb2-ssd-lite-mp-0_686.pth`` is used: 478 tensors, or 404 in files
    without counters of batches.

    Args:
        state (Mapping): Tensors by their published names.
        model (Mapping): State of the student.
        path (str): The file, for errors.

    Raises:
        CheckpointError: A tensor is left over or lacking, or does not fit.
    """
    found = rename(state, rule, model, path=path)
    for name, value in found.state.items():
        head, _, rest = name.partition('.cls_convs.')
        # The depthwise layers before have no classes.
        level, _, part = rest.partition('.')
        if rest and part in ('1.weight', '1.bias', '0.weight', '0.bias'):
            boxes = model[f'{head}.reg_convs.{rest}']
            found.state[name] = background_last(
                value,
                len(value) * 4 // len(boxes) - 1)
    return found
