"""Load a checkpoint to test a student, and only one that fits."""
import re

from mmengine.hooks import Hook
from mmengine.runner.checkpoint import load_state_dict

from mmxkd.engine.bare_model import bare_model
from mmxkd.engine.finite import check_checkpoint, infinite_buffers
from mmxkd.errors import CheckpointError
from mmxkd.registry import HOOKS

#: Connectors and discriminators of a distilled student stand under this key.
EXTRAS = 'distiller.'


@HOOKS.register_module()
class StudentCheckpointHook(Hook):
    """Drop what belongs to the distiller; refuse what does not fit.

    mmengine loads whatever keys match and goes on: a detector tested with
    the wrong file gives numbers of random layers. Here a missing, unknown or
    misshapen key is a :class:`CheckpointError`, and so is a weight that is
    NaN or infinite.
    """

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        model = bare_model(runner.model)
        check_checkpoint(checkpoint, runner._load_from,
                         infinite_buffers(model))
        state = checkpoint.get('state_dict', checkpoint)
        extras = [
            k for k in state if re.sub(r'^module\.', '', k).startswith(EXTRAS)
        ]
        for key in extras:
            del state[key]
        if extras:
            runner.logger.info(
                f'{len(extras)} keys of the distiller are not needed by the '
                'student and were left out.')
        plain = type(state)(
            (re.sub(r'^module\.', '', k), v) for k, v in state.items())
        if hasattr(state, '_metadata'):
            plain._metadata = state._metadata
        try:
            load_state_dict(model, plain, strict=True)
        except RuntimeError as error:
            raise CheckpointError(
                f'{runner._load_from} does not fit the model of the config. '
                f'{error}') from error
