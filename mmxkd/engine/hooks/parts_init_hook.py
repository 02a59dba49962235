"""How a detector starts from a part of another model."""
import logging
from collections.abc import Sequence

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from mmxkd.engine.bare_model import model_to_start
from mmxkd.engine.weights import compare_weights, weights_in
from mmxkd.errors import ConfigError, did_you_mean
from mmxkd.registry import HOOKS


@HOOKS.register_module()
class PartsInitHook(Hook):
    """Take some parts of ``load_from``, each whole, and nothing else.

    mmengine loads whatever names and shapes match, and goes on with random
    weights for the rest. Here every weight of the named parts has to be in
    the checkpoint, in the same shape, and the checkpoint may hold no other
    weight of them. What is not named starts as the config says, also where
    the checkpoint has something of that name.

    Acts once, when training starts from ``load_from``; never when a run is
    resumed or tested, whose checkpoint is the model's own. It works for a
    plain detector, and for the student of a distillation.

    Args:
        parts (Sequence[str]): Names of modules, such as ``'backbone'`` or
            ``'backbone.layer1'``.

    Raises:
        ConfigError: There is no part to take, no ``load_from``, or a part
            does not fit; names the weights.
    """

    priority = 'NORMAL'

    def __init__(self, parts: Sequence[str] = ('backbone', )) -> None:
        if isinstance(parts, str) or not parts:
            raise ConfigError(f'PartsInitHook: parts={parts!r}, expected '
                              "names of modules, such as ['backbone']")
        self.parts = tuple(parts)
        self._loaded = False

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        self._loaded = True
        model = model_to_start(runner)
        if model is None:
            return
        path = str(runner._load_from)
        own, weights = model.state_dict(), weights_in(checkpoint, path)
        kept = {}
        for part in self.parts:
            mine = _below(part, own, 'the model')
            given = _below(part, weights, path)
            report = compare_weights(mine, given, path)
            # It would say what a teacher's config has to.
            report.hint = ''
            if not report.fits:
                raise ConfigError(
                    f'PartsInitHook: {part!r} of the model and of its '
                    f'checkpoint do not fit.\n{report}')
            kept.update(given)
            print_log(f'PartsInitHook: {part} starts from {report}',
                      logger='current', level=logging.INFO)
        state = checkpoint.get('state_dict', checkpoint)
        state.clear()
        state.update(kept)

    def before_train(self, runner: Runner) -> None:
        if not self._loaded:
            raise ConfigError(
                f'PartsInitHook: parts={list(self.parts)} shall start from a '
                'checkpoint, but load_from names none; name it, or leave out '
                'the hook to start from random weights')


def _below(part: str, weights: dict, where: str) -> dict:
    """The weights of one part, under their full names."""
    found = {k: v for k, v in weights.items() if k.startswith(f'{part}.')}
    if not found:
        names = {
            '.'.join(name.split('.')[:depth + 1]) for name in weights
            for depth in range(part.count('.') + 1)
        }
        raise ConfigError(f'PartsInitHook: {where} has no weights of {part!r}'
                          f'; ' + did_you_mean(part, names))
    return found
