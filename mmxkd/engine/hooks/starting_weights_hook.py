"""Training starts from the weights that ``load_from`` names, or not at all."""
import logging
import re
from collections.abc import Mapping, Sequence

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from torch import Tensor

from mmxkd.engine.bare_model import model_to_start
from mmxkd.engine.weights import LoadReport, compare_weights, weights_in
from mmxkd.errors import ConfigError, did_you_mean
from mmxkd.registry import HOOKS


@HOOKS.register_module()
class StartingWeightsHook(Hook):
    """Refuse a ``load_from`` that does not fit the model.

    mmengine loads whatever names and shapes match, and goes on with random
    weights for the rest, after a warning: a published file that nobody has
    converted changes nothing. Here a file without any weight of the model is
    an error, and so is one with weights of another shape. Weights that the
    file lacks start as the config says, as new layers have to.

    Acts when training starts from ``load_from``, on what the hooks that change
    a checkpoint (``StemInitHook``, ``PartsInitHook``,
    ``TorchvisionWeightsHook``) have left; never when a run is resumed or
    tested. ``tools/train.py`` adds it to every run.

    Args:
        fresh (Sequence[str]): Layers that start as the config says, also where
            the file has them: such as a predictor of other classes,
            ``'bbox_head.fc_cls'``.

    Raises:
        ConfigError: The file does not fit, with counts and names; or there is
            no such layer.
    """

    # After the hooks that change the checkpoint.
    priority = 'LOWEST'

    def __init__(self, fresh: Sequence[str] = ()) -> None:
        if isinstance(fresh, str):
            raise ConfigError(
                f'StartingWeightsHook: fresh={fresh!r}, '
                "expected names of layers, such as ['bbox_head']")
        self.fresh = tuple(fresh)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        model = model_to_start(runner)
        if model is None:
            return
        path, own = str(runner._load_from), model.state_dict()
        # It refuses a file without weights.
        weights_in(checkpoint, path)
        state = checkpoint.get('state_dict', checkpoint)
        self._drop_fresh(own, state)
        # A distillation reads those of its student under both names.
        students = hasattr(model, 'student')
        report = compare_weights(own, _plain(state, own, students), path)
        self._refuse(report)
        print_log(
            f'load_from: {path}: {len(report.matched)} weights are loaded, '
            f'{len(report.missing)} of the model are not in the file, and '
            f'{len(report.unexpected)} of the file not in the model',
            logger='current', level=logging.INFO)

    def _drop_fresh(self, own: Mapping, state: dict) -> None:
        for layer in self.fresh:
            if not _below(layer, own):
                names = {
                    name.rsplit('.', depth)[0] for name in own
                    for depth in (1, 2)
                }
                raise ConfigError('StartingWeightsHook: the model has no '
                                  f'{layer!r}; ' + did_you_mean(layer, names))
            for name in _below(layer, state):
                del state[name]

    def _refuse(self, report: LoadReport) -> None:
        if report.hint:
            # It would go on with what a teacher's config has to say.
            report.hint = report.hint.partition(':')[0]
        if report.mismatched:
            layers = sorted({
                text.partition(' ')[0].rpartition('.')[0]
                for text in report.mismatched
            })
            raise ConfigError(
                f'load_from does not fit the model.\n{report}\n  Where these '
                'layers shall start anew, say so: custom_hooks=['
                f"dict(type='mmxkd.StartingWeightsHook', fresh={layers})]")
        if not report.matched:
            raise ConfigError(
                'load_from has no weight of the model: all of it would stay '
                f'random.\n{report}\n  A published file has to be converted '
                'first: tools/model_converters')


def _below(layer: str, names: Mapping) -> list[str]:
    return [
        name for name in names if f'{_bare(name)}.'.startswith(f'{layer}.')
    ]


def _bare(name: str) -> str:
    """As mmengine reads it, which drops the prefix of DDP."""
    return re.sub(r'^module\.', '', name)


def _plain(state: Mapping, own: Mapping, students: bool) -> dict[str, Tensor]:
    found = {}
    for name, value in state.items():
        name = _bare(str(name))
        if students and name not in own:
            name = name.removeprefix('student.')
        if isinstance(value, Tensor):
            found[name] = value
    return found
