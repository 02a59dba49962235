"""How a detector starts from pretrained weights of another input."""
import logging
import math
from collections.abc import Sequence

import torch
from mmengine.dist import broadcast
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from torch import Tensor, nn

from mmxkd.engine.bare_model import model_to_start
from mmxkd.errors import ConfigError, check_name, did_you_mean
from mmxkd.registry import HOOKS


@HOOKS.register_module()
class StemInitHook(Hook):
    """Fit the first convolution of ``load_from`` to the model's channels.

    Acts once, when training starts from ``load_from``; never when a run is
    resumed or tested, whose checkpoint is the model's own.

    Args:
        mode (str): What becomes of the pretrained stem (64, 3, 7, 7):

            - ``'parity'``: it is dropped and the model's stem starts from
              torch's default, U(±1/sqrt(fan_in)), whatever its channels. So
              do all models of the CMKD paper's code, the RGB ones included.
            - ``'inflate'``: the RGB weights are copied, and each further
              channel starts from their mean.
            - ``'truncate'``: its first channels are copied and the others
              left out. So a student of RGB starts from a teacher whose
              input begins with RGB (``modalities=('img', …)``).
            - ``'keep'``: it is loaded as it is.
        key (str): Name of the stem's weight.
        rescale (bool): With ``'inflate'``, multiply all weights by 3 / C_in,
            so that the activations keep their size.
        fresh (Sequence[str]): Other layers that are dropped and start from
            torch's default, such as a predictor of other classes.

    Raises:
        ConfigError: The mode or a name is unknown, or the shapes do not
            allow what is asked.
    """

    priority = 'NORMAL'
    modes = ('parity', 'inflate', 'truncate', 'keep')

    def __init__(self, mode: str = 'parity',
                 key: str = 'backbone.conv1.weight', rescale: bool = False,
                 fresh: Sequence[str] = ()) -> None:
        check_name('mode', mode, self.modes, 'StemInitHook')
        if rescale and mode != 'inflate':
            raise ConfigError("StemInitHook: rescale needs mode='inflate'")
        self.mode, self.key, self.rescale = mode, key, rescale
        self.fresh = tuple(fresh)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        model = model_to_start(runner)
        if model is None:
            return
        parameters = model.state_dict(keep_vars=True)
        weights = checkpoint.get('state_dict', checkpoint)
        stem = _find(parameters, self.key, 'the model')
        pretrained = _find(weights, self.key, 'the checkpoint')

        if self.mode == 'parity':
            self._start_fresh(self.key.rpartition('.')[0], parameters, weights)
        elif self.mode == 'inflate':
            weights[self.key] = inflate_stem(pretrained, stem.shape[1],
                                             self.rescale)
        elif self.mode == 'truncate':
            weights[self.key] = pretrained[:, :stem.shape[1]]
        if self.mode != 'parity' and weights[self.key].shape != stem.shape:
            raise ConfigError(
                f'StemInitHook: {self.key} is {tuple(stem.shape)} in the '
                f'model and {tuple(pretrained.shape)} in the checkpoint, '
                f"which mode={self.mode!r} cannot join; 'inflate' adds input "
                "channels to 3, 'truncate' leaves out the last ones, 'parity' "
                'starts the layer anew')
        for layer in self.fresh:
            self._start_fresh(layer, parameters, weights)
        print_log(
            f'StemInitHook: {self.key} {tuple(stem.shape)} by '
            f'mode={self.mode!r}; started anew: {list(self.fresh)}',
            logger='current', level=logging.INFO)

    def _start_fresh(self, layer: str, parameters: dict,
                     weights: dict) -> None:
        """Drop a layer of the checkpoint and initialise the model's."""
        weight = _find(parameters, f'{layer}.weight', 'the model')
        bias = parameters.get(f'{layer}.bias')
        # torch's own default of Conv2d and Linear (``reset_parameters``).
        nn.init.kaiming_uniform_(weight, a=math.sqrt(5))
        if bias is not None:
            bound = 1 / math.sqrt(weight[0].numel())
            nn.init.uniform_(bias, -bound, bound)
        for name in (f'{layer}.weight', f'{layer}.bias'):
            weights.pop(name, None)
            if name in parameters:
                # Each rank drew its own numbers.
                broadcast(parameters[name].data)


def inflate_stem(weight: Tensor, channels: int, rescale: bool) -> Tensor:
    """Give a convolution on RGB further input channels.

    Args:
        weight (Tensor): (C_out, 3, k, k).
        channels (int): C_in of the result, 3 or more.
        rescale (bool): Multiply by 3 / C_in.

    Returns:
        Tensor: (C_out, C_in, k, k); the RGB weights, then their mean.
    """
    extra = channels - weight.shape[1]
    if weight.shape[1] != 3 or extra < 0:
        raise ConfigError(
            f'inflate_stem: a stem on {weight.shape[1]} channels cannot '
            f'become one on {channels}; 3 can become 3 or more')
    mean = weight.mean(dim=1, keepdim=True).expand(-1, extra, -1, -1)
    inflated = torch.cat([weight, mean], dim=1)
    return inflated * (3 / channels) if rescale else inflated


def _find(tensors: dict, name: str, where: str) -> Tensor:
    if name not in tensors:
        raise ConfigError(f'StemInitHook: {where} has no {name!r}; '
                          + did_you_mean(name, tensors))
    return tensors[name]
