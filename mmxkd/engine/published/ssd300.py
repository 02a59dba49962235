"""VGG16-SSD300 of ``ssd.pytorch`` for the teacher with 3000 priors."""
import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmxkd.errors import ConfigError

from .renaming import Converted, background_last, rename

_NAME = re.compile(
    r'(vgg|extras|loc|conf|adaptation|L2Norm)(?:\.(\d+))?\.(weight|bias)')
_HEADS = {'loc': 'reg_convs', 'conf': 'cls_convs'}
_DROPPED = ('adaptation', 'L2Norm')
FRESH = ('neck.extra_layers.4.', 'bbox_head.')
"""What the published file with 8732 priors has nothing for."""
PUBLISHED_MEAN = (104.0, 117.0, 123.0)
"""Blue, green, red: what was subtracted from the inputs; not divided."""


def convert_ssd300(state: Mapping[str, Tensor], model: Mapping[str, Tensor],
                   path: str = 'checkpoint') -> Converted:
    """Names of ``mmxkd.SlimSSDVGG`` with mmdet's ``SSDNeck`` and a head.

    Two kinds of files are known by their tensors:

    * The detector with 8732 priors (``ssd300_mAP_77.43_v2.pth``, 71
      tensors): VGG and the first eight extra layers are used. The L2 norm and
      the predictors, which are of other priors, are dropped; the last two
      extra layers and the predictors stay as initialised.
    * A trained teacher with 3000 priors (74 tensors, or 76 with a layer
      ``adaptation`` that nobody used): all of it is used.

    Args:
        state (Mapping): Tensors by their published names.
        model (Mapping): State of the teacher.
        path (str): The file, for errors.

    Raises:
        CheckpointError: A tensor is left over or lacking, or does not fit.
    """
    published = 'L2Norm.weight' in state

    def rule(name: str) -> str | None:
        found = _NAME.fullmatch(name)
        if found is None:
            raise KeyError(name)
        part, number, kind = found.groups()
        if part in _DROPPED or (published and part in _HEADS):
            return None
        if number is None:
            raise KeyError(name)
        if part == 'vgg':
            return f'backbone.features.{number}.{kind}'
        if part == 'extras':
            level, layer = divmod(int(number), 2)
            return f'neck.extra_layers.{level}.{layer}.conv.{kind}'
        return f'bbox_head.{_HEADS[part]}.{number}.0.{kind}'

    found = rename(state, rule, model, FRESH if published else (), path)
    _roll(found, model)
    return found


def _roll(found: Converted, model: Mapping[str, Tensor]) -> None:
    for name, value in found.state.items():
        if name.startswith('bbox_head.cls_convs.'):
            boxes = model[name.replace('cls_convs', 'reg_convs')]
            classes = len(value) * 4 // len(boxes) - 1
            found.state[name] = background_last(value, classes)


def fold_input(weight: Tensor, bias: Tensor, mean: Sequence[float],
               std: Sequence[float]) -> tuple[Tensor, Tensor]:
    """The first layer for pictures that are normalised in another way.

    The published VGG sees blue, green, red minus :data:`PUBLISHED_MEAN`, and
    ours red, green, blue minus ``mean``, over ``std``. With these weights the
    first layer gives what the published one gives, but for the outermost
    pixel: zero padding is grey here and the mean colour there.

    Args:
        weight (Tensor): (O, 3, K, K), input channels blue, green, red.
        bias (Tensor): (O, ).
        mean, std (Sequence[float]): Red, green, blue, of 0..255.

    Returns:
        tuple[Tensor, Tensor]: Weight and bias.
    """
    own = torch.tensor(mean, dtype=torch.float64)
    scale = torch.tensor(std, dtype=torch.float64)
    shift = own - torch.tensor(PUBLISHED_MEAN[::-1], dtype=torch.float64)
    turned = weight.double().flip(1)
    moved = bias.double() + (turned.sum((2, 3)) * shift).sum(1)
    return ((turned * scale[:, None, None]).to(weight.dtype),
            moved.to(bias.dtype))


def fold_first_layer(state: dict[str, Tensor], model: nn.Module) -> None:
    """:func:`fold_input` for the data preprocessor of a model, in place.

    Raises:
        ConfigError: It does not turn blue, green, red around.
    """
    view: Any = model.data_preprocessor
    if not getattr(view, '_channel_conversion', False):
        raise ConfigError('--fold-input: the data_preprocessor of the config '
                          'has no bgr_to_rgb=True')
    if not getattr(view, '_enable_normalize', False):
        raise ConfigError('--fold-input: the data_preprocessor of the config '
                          'has no mean and std')
    weight, bias = (f'backbone.features.0.{kind}'
                    for kind in ('weight', 'bias'))
    state[weight], state[bias] = fold_input(state[weight], state[bias],
                                            view.mean.flatten().tolist(),
                                            view.std.flatten().tolist())
