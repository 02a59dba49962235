"""The plain student of a distilled checkpoint, as a file of its own."""
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mmengine.config import Config
from mmengine.runner import checkpoint as checkpoints
from torch import Tensor, nn

from mmxkd.compat.safetensors_files import ENDING, write_safetensors
from mmxkd.errors import CheckpointError, ConfigError

from .finite import check_checkpoint, infinite_buffers
from .model_config import build_model, read_model_config, whole_config
from .weights import compare

#: What a file may end in.
ENDINGS = (ENDING, '.pth')


class Student(NamedTuple):
    """A trained student, without what distils it.

    Attributes:
        model (nn.Module): With its weights.
        config (Config): The whole config, as it was read.
        model_config (dict): Of the student alone.
        scope (str, optional): Where types of the config are looked up.
        content (Any): Of the checkpoint.
    """

    model: nn.Module
    config: Any
    model_config: dict
    scope: str | None
    content: Any

    @property
    def dataset_meta(self) -> dict[str, Any] | None:
        """Classes, as the checkpoint or else the config says them."""
        given = self.content.get('meta') or {}
        return given.get('dataset_meta') or self.config.get('metainfo')


def load_student(config: str | Config, checkpoint: str,
                 check: Callable[[nn.Module], Any] | None = None) -> Student:
    """Build the student of a config and load its weights.

    Args:
        config (str | Config): Of a distillation, or of a plain detector.
        checkpoint (str): File or URL. With ``EMAHook`` the averaged weights
            are taken, which are those that were validated.
        check (Callable, optional): Called with the model before the file is
            read; raises where it is of a kind that cannot be used.

    Raises:
        CheckpointError: The checkpoint does not fit the student, or is not
            finite.
    """
    whole = whole_config(config, 'config')
    cfg, scope = read_model_config(whole, 'config')
    model = build_model(cfg, scope)
    if check is not None:
        check(model)
    content = checkpoints.CheckpointLoader.load_checkpoint(
        checkpoint, map_location='cpu')
    check_checkpoint(content, checkpoint, infinite_buffers(model))
    weights = _weights(content, checkpoint, set(model.state_dict()))
    report = compare(model, weights, checkpoint)
    if not report.fits:
        name = config.filename if isinstance(config, Config) else config
        raise CheckpointError(f'{checkpoint} does not fit the student of '
                              f'{name}. {"; ".join(str(report).splitlines())}')
    model.load_state_dict(weights)
    return Student(model, whole, cfg, scope, content)


def _weights(content: Any, path: str, own: set[str]) -> dict[str, Tensor]:
    """All of a checkpoint but what is of a distiller.

    Raises:
        CheckpointError: It holds no dict of tensors.
    """
    state = content.get('state_dict', content)
    if not isinstance(state, Mapping):
        raise CheckpointError(f'{path}: state_dict is a '
                              f'{type(state).__name__}, expected a dict of '
                              'tensors')
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise CheckpointError(f'{path}: {name} is a '
                                  f'{type(value).__name__}, expected a tensor')
    weights = {
        str(name).removeprefix('module.'): value
        for name, value in state.items()
    }
    return {
        name: value for name, value in weights.items()
        if name in own or not name.startswith('distiller.')
    }


def export_student(config: str, checkpoint: str,
                   out: str | os.PathLike) -> list[str]:
    """Write the student's weights alone: no distiller, no optimizer.

    The keys are those of the plain student. ``meta`` holds the config of the
    student's model and the classes, so that mmdet's ``init_detector`` and
    ``DetInferencer`` know them.

    Args:
        config (str): Of the distillation, or of the plain student.
        checkpoint (str): File or URL. With ``EMAHook`` the averaged weights
            are written, which are those that were validated.
        out (str | os.PathLike): Ends in ``.safetensors`` or ``.pth``.

    Returns:
        list[str]: Names of the weights.

    Raises:
        ConfigError: ``out`` has another ending, or is ``checkpoint`` itself.
        CheckpointError: The checkpoint does not fit the student, or is not
            finite.
    """
    out = Path(out)
    if out.suffix not in ENDINGS:
        raise ConfigError(f'{out}: the name must end in one of '
                          f'{", ".join(ENDINGS)}')
    if out.exists() and os.path.exists(checkpoint) and out.samefile(
            checkpoint):
        raise ConfigError(f'{out}: would replace the checkpoint it is made of')
    student = load_student(config, checkpoint)
    state = student.model.state_dict()
    meta = _meta(student)
    if out.suffix == ENDING:
        write_safetensors(out, state, meta)
    else:
        checkpoints.save_checkpoint(dict(state_dict=state, meta=meta),
                                    str(out))
    return list(state)


def _meta(student: Student) -> dict[str, Any]:
    given = student.content.get('meta') or {}
    kept = {
        key: given[key] for key in ('epoch', 'iter', 'mmengine_version')
        if key in given
    }
    if student.dataset_meta:
        kept['dataset_meta'] = dict(student.dataset_meta)
    plain: dict[str, Any] = dict(model=student.model_config)
    if student.scope:
        plain['default_scope'] = student.scope
    return dict(kept, cfg=Config(plain).pretty_text)
