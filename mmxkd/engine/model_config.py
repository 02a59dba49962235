"""Models from config files: read, built in their scope, initialised."""
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.hub import get_config
from mmengine.model import PretrainedInit
from mmengine.registry import DefaultScope
from torch import nn

from mmxkd.errors import ConfigError, did_you_mean
from mmxkd.registry import MODELS

from .model_faults import explain


def read_model_config(cfg: str | dict, key: str) -> tuple:
    """The model part of a config, and its scope.

    Args:
        cfg (str | dict): A config file, ``'mmdet::…'``, a whole config, or
            a model dict. Of a distillation config, the student is taken.
        key (str): The config key at fault in errors.

    Returns:
        tuple: The model dict and its default scope (or None).
    """
    found: Any = whole_config(cfg, key)
    scope = found.get('default_scope')
    if 'type' not in found:
        if 'model' not in found:
            raise ConfigError(f"{key}: neither a model (no 'type') nor a "
                              "config with a 'model'")
        found = found['model']
    if str(found['type']).endswith('CrossModalDistill'):
        found = found['student']
    return ConfigDict(found), scope


def whole_config(cfg: Any, key: str) -> Config | dict:
    """A config from its file, or as it is.

    Raises:
        ConfigError: It is something else, or there is no such file.
    """
    if isinstance(cfg, (str, Path)):
        return read_config_file(str(cfg), key)
    if not isinstance(cfg, (dict, Config)):
        raise ConfigError(f'{key}: expected a config file or a dict, got '
                          f'{type(cfg).__name__}')
    return cfg


def read_config_file(path: str, key: str) -> Config:
    """Read a config by path, by ``'mmdet::…'``, or from the package."""
    if '::' in path:
        return get_config(path)
    package = Path(__file__).resolve().parents[1]
    for root in (Path(), package / '.mim', package.parent):
        if (root / path).is_file():
            return Config.fromfile(root / path)
    near = [
        str(p) for root in (Path(path).parent, Path(path).parent.parent)
        if root.is_dir() for p in root.glob('**/*.py')
    ][:2000]
    raise ConfigError(f'{key}: there is no file {path!r}; '
                      + did_you_mean(path, near))


def build_model(cfg: dict, scope: str | None = None,
                key: str = 'model') -> nn.Module:
    """Build a model inside its own registry scope.

    Args:
        cfg (dict): Model config.
        scope (str, optional): Where its types are looked up.
        key (str): The config key at fault in errors.

    Raises:
        ConfigError: It is not a model config, or a type or an argument in it
            is unknown; offers the nearest names.
    """
    if not isinstance(cfg, Mapping) or 'type' not in cfg:
        raise ConfigError(f"{key}={cfg!r}: expected a model config, a dict "
                          "with a 'type'")
    overwrite = (DefaultScope.overwrite_default_scope(scope) if scope else
                 nullcontext())
    with overwrite:
        try:
            return MODELS.build(cfg)
        except ConfigError:
            raise
        except (KeyError, TypeError, AttributeError, ValueError,
                AssertionError) as error:
            raise ConfigError(f'{key}{explain(error, cfg, scope)}') from error


#: Words of MMRazor's algorithm, and ours.
_RENAMED = dict(architecture='student', teacher='teachers')


def refuse_keys(unknown: Iterable[str], known: Sequence[str]) -> None:
    """Raise for keys of ``model`` that the algorithm does not have.

    Raises:
        ConfigError: It says what most likely happened.
    """
    unknown = sorted(unknown)
    if not unknown:
        return
    parts = {
        'backbone', 'neck', 'bbox_head', 'rpn_head', 'roi_head',
        'data_preprocessor', 'train_cfg', 'test_cfg', 'mask_head'
    }
    name = unknown[0]
    if parts & set(unknown):
        hint = ('these are parts of a detector: they belong under '
                "model.student. If this config inherits a detector's, write "
                '_delete_=True in its model')
    elif name in _RENAMED:
        hint = f'write {_RENAMED[name]!r} instead'
    else:
        hint = did_you_mean(name, known)
    raise ConfigError(
        f'model: CrossModalDistill has no argument {", ".join(unknown)}; '
        + hint)


# Batch augmentations that only pad; check_padding looks after these.
_FIXED = ('BatchFixedSizePad', )


def check_batch_augments(student: Mapping[str, Any],
                         teachers: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse random batch augmentations that differ between the views.

    Args:
        student (dict): Model config of the student.
        teachers (dict[str, dict]): Model configs of the teachers.

    Raises:
        ConfigError: A view would be resized where another is not.
    """
    own = _drawing(student)
    for name, cfg in teachers.items():
        if _drawing(cfg) != own:
            raise ConfigError(
                f'data_preprocessor.batch_augments of the student and of '
                f'teacher {name!r} differ: {own} and {_drawing(cfg)}. Both '
                'must see the same geometry; give both the same ones, or '
                'none')


def _drawing(model_cfg: Mapping[str, Any]) -> list[dict]:
    """The batch augmentations of a model that draw or resize."""
    preprocessor = model_cfg.get('data_preprocessor') or {}
    return [
        dict(a) for a in preprocessor.get('batch_augments') or []
        if str(a.get('type')).split('.')[-1] not in _FIXED
    ]


def initialise(model: nn.Module) -> None:
    """Initialise a model as its config says, without pretrained weights.

    Some layers are built of whatever the memory holds (``torch.empty``), and
    are numbers only afterwards. Nothing is downloaded.
    """
    module: Any
    for module in model.modules():
        stated = getattr(module, 'init_cfg', None)
        if not stated:
            continue
        every = [stated] if isinstance(stated, dict) else stated
        module.init_cfg = [
            cfg for cfg in every
            if cfg['type'] not in ('Pretrained', PretrainedInit)
        ] or None
    init_weights = getattr(model, 'init_weights', None)
    if init_weights is not None:
        init_weights()
