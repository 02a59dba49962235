"""From a published file to one of ours."""
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from mmengine.runner import checkpoint as checkpoints
from torch import Tensor, nn

from mmxkd.engine.finite import check_checkpoint
from mmxkd.engine.model_config import (
    build_model,
    read_model_config,
    whole_config,
)
from mmxkd.errors import ConfigError
from mmxkd.formats.voc import CLASSES

from .renaming import Converted, state_of

#: Tensors, state of the model and name of the file to what became of them.
Convert: TypeAlias = Callable[
    [Mapping[str, Tensor], Mapping[str, Tensor], str], Converted]


def convert_file(source: str, out: str | os.PathLike, config: str,
                 convert: Convert,
                 change: Callable[[dict[str, Tensor], nn.Module], None]
                 | None = None, classes: Sequence[str] = CLASSES) -> Converted:
    """Read, rename, compare with the model of a config, and write.

    Args:
        source (str): A published checkpoint.
        out (str | os.PathLike): A ``.pth`` file to write.
        config (str): Of the model that it is for.
        convert (Callable): See :data:`Convert`.
        change (Callable, optional): Called with the new state and the model;
            may replace tensors.
        classes (Sequence[str]): What the file will say that its classes are;
            default: VOC's.

    Raises:
        CheckpointError: The file is damaged, is not finite, needs code to be
            read, or does not fit.
        ConfigError: ``out`` has another ending, or is ``source``.
    """
    out = Path(out)
    if out.suffix != '.pth':
        raise ConfigError(f'{out}: the name must end in .pth')
    if out.exists() and os.path.exists(source) and out.samefile(source):
        raise ConfigError(f'{out}: would replace the file it is made of')
    cfg, scope = read_model_config(whole_config(config, 'config'), 'config')
    model = build_model(cfg, scope)
    content = checkpoints.CheckpointLoader.load_checkpoint(
        source, map_location='cpu')
    state = state_of(content, source)
    check_checkpoint(dict(state_dict=state), source)
    done = convert(state, model.state_dict(), source)
    if change is not None:
        change(done.state, model)
    checkpoints.save_checkpoint(
        dict(state_dict=done.state,
             meta=dict(dataset_meta=dict(classes=tuple(classes)))), str(out))
    return done
