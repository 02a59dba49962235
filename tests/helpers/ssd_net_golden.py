"""The closed form of the weights and inputs of the SSD golden numbers.

As the README beside the numbers says: pseudo-random values from sines, so
that no file has to hold the weights of a network.
"""
import numpy as np
import torch
from torch import Tensor

from mmxkd.engine.published import convert_mb2_ssd_lite, convert_ssd300
from mmxkd.engine.published.mb2_ssd_lite import rule as mb2_rule


def _uniform(shape, k: int) -> np.ndarray:
    grids = np.meshgrid(
        *(np.arange(1, n + 1, dtype=np.float64) for n in shape), indexing='ij',
        sparse=True)
    factors = (12.9898, 78.233, 37.719, 4.581)
    z = 43758.5453 * np.sin(
        sum(f * grid
            for f, grid in zip(factors, grids, strict=True)) + 1.618 * k)
    return z - np.floor(z) - .5


def pictures(shape, k: int, amplitude: float = 1.7) -> Tensor:
    """Inputs (N, 3, H, W), float64."""
    return torch.from_numpy(amplitude * _uniform(shape, k))


def conv_weight(shape, k: int, gain: float = 2.0) -> Tensor:
    scale = np.sqrt(12 * gain / np.prod(shape[1:]))
    return torch.from_numpy((_uniform(shape, k) * scale).astype(np.float32))


def conv_bias(size: int, k: int, scale: float = .05) -> Tensor:
    return torch.from_numpy(
        (scale * np.sin(np.arange(1, size + 1.) + k)).astype(np.float32))


def batch_norm(size: int, k: int) -> dict[str, Tensor]:
    c = np.arange(1, size + 1.)
    values = dict(weight=1 + .1 * np.sin(c + k), bias=.1 * np.cos(c + k),
                  running_mean=.05 * np.sin(2 * c + k),
                  running_var=1 + .3 * np.cos(c + 2 * k))
    return {
        name: torch.from_numpy(v.astype(np.float32))
        for name, v in values.items()
    }


def vgg_state(names, model: dict[str, Tensor]) -> dict[str, Tensor]:
    """The teacher under its published names.

    Args:
        names: Its convs in the order of the golden file.
        model (dict): State of our teacher, for the shapes.
    """

    def shape_of(name: str) -> tuple[int, ...]:
        part, number = name.split('.')
        new = {
            'vgg': f'backbone.features.{number}',
            'extras': 'neck.extra_layers.{}.{}.conv'.format(
                *divmod(int(number), 2)),
            'loc': f'bbox_head.reg_convs.{number}.0',
            'conf': f'bbox_head.cls_convs.{number}.0'
        }[part]
        return tuple(model[f'{new}.weight'].shape)

    state = {}
    for k, name in enumerate(map(str, names), start=1):
        if name == 'adaptation':
            continue
        shape = shape_of(name)
        gain = .05 if name.startswith('loc') else 2.0
        state[f'{name}.weight'] = conv_weight(shape, k, gain)
        state[f'{name}.bias'] = conv_bias(shape[0], k)
    return state


def mb2_state(names, model: dict[str, Tensor]) -> dict[str, Tensor]:
    """The student under its published names; as :func:`vgg_state`."""
    state = {}
    for k, name in enumerate(map(str, names), start=1):
        if name.startswith('adaptation'):
            continue
        new = mb2_rule(f'{name}.weight').removesuffix('.weight')
        shape = tuple(model[f'{new}.weight'].shape)
        state[f'{name}.weight'] = conv_weight(shape, k, _gain(name))
        if f'{new}.bias' in model:
            state[f'{name}.bias'] = conv_bias(shape[0], k)
        norm = f'{new.removesuffix(".conv")}.bn.running_var'
        if new.endswith('.conv') and norm in model:
            stem, _, number = name.rpartition('.')
            for part, value in batch_norm(shape[0], k).items():
                state[f'{stem}.{int(number) + 1}.{part}'] = value
    return state


def _gain(name: str) -> float:
    if name.endswith('conv.6') or name == 'base_net.1.conv.3':
        return 1.0
    if 'headers' in name and (name.endswith('.3') or name.count('.') == 1):
        return .05 if name.startswith('regression') else 2.0
    return 2.0


def load_vgg(model, names) -> None:
    own = model.state_dict()
    found = convert_ssd300(vgg_state(names, own), own)
    assert not found.fresh and not found.dropped
    model.load_state_dict(found.state)


def load_mb2(model, names) -> None:
    own = model.state_dict()
    found = convert_mb2_ssd_lite(mb2_state(names, own), own)
    assert not found.fresh and not found.dropped
    model.load_state_dict(found.state)


def flat(levels, channels: int) -> Tensor:
    """(N, P, C) of (N, A·C, H, W) per level."""
    return torch.cat([
        level.permute(0, 2, 3, 1).reshape(len(level), -1, channels)
        for level in levels
    ], 1)


def background_first(logits: Tensor) -> Tensor:
    """(N, P, 21) as the golden numbers have it."""
    return logits.roll(1, -1)
