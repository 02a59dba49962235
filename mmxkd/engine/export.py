"""The plain student of a distilled checkpoint, as a file of its own."""
import os
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.runner import checkpoint as checkpoints

from mmxkd.compat.safetensors_files import ENDING, write_safetensors
from mmxkd.errors import CheckpointError, ConfigError

from .finite import check_checkpoint, infinite_buffers
from .model_config import build_model, read_model_config, whole_config

#: What a file may end in.
ENDINGS = (ENDING, '.pth')


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
    whole = whole_config(config, 'config')
    cfg, scope = read_model_config(whole, 'config')
    model = build_model(cfg, scope)
    content = checkpoints.CheckpointLoader.load_checkpoint(
        checkpoint, map_location='cpu')
    check_checkpoint(content, checkpoint, infinite_buffers(model))
    names = set(model.state_dict())
    weights = {
        name.removeprefix('module.'): value
        for name, value in content.get('state_dict', content).items()
    }
    weights = {
        name: value for name, value in weights.items()
        if name in names or not name.startswith('distiller.')
    }
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(f'{checkpoint} does not fit the student of '
                              f'{config}. {error}') from error
    state = model.state_dict()
    meta = _meta(cfg, scope, whole, content)
    if out.suffix == ENDING:
        write_safetensors(out, state, meta)
    else:
        checkpoints.save_checkpoint(dict(state_dict=state, meta=meta),
                                    str(out))
    return list(state)


def _meta(cfg: dict, scope: str | None, whole: Any,
          content: Any) -> dict[str, Any]:
    given = content.get('meta') or {}
    data = given.get('dataset_meta') or whole.get('metainfo')
    kept = {
        key: given[key] for key in ('epoch', 'iter', 'mmengine_version')
        if key in given
    }
    if data:
        kept['dataset_meta'] = dict(data)
    plain: dict[str, Any] = dict(model=cfg)
    if scope:
        plain['default_scope'] = scope
    return dict(kept, cfg=Config(plain).pretty_text)
