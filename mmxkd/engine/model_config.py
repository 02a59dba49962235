"""Models from config files: read, built in their scope, initialised."""
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


def read_model_config(cfg: str | dict, key: str) -> tuple:
    """The model part of a config, and its scope.

    Args:
        cfg (str | dict): A config file, ``'mmdet::…'``, a whole config, or
            a model dict. Of a distillation config, the student is taken.
        key (str): The config key at fault in errors.

    Returns:
        tuple: The model dict and its default scope (or None).
    """
    found: Any = cfg
    if isinstance(cfg, (str, Path)):
        found = read_config_file(str(cfg), key)
    if not isinstance(found, (dict, Config)):
        raise ConfigError(f'{key}: expected a config file or a dict, got '
                          f'{type(found).__name__}')
    scope = found.get('default_scope')
    if 'type' not in found:
        if 'model' not in found:
            raise ConfigError(f"{key}: neither a model (no 'type') nor a "
                              "config with a 'model'")
        found = found['model']
    if str(found['type']).endswith('CrossModalDistill'):
        found = found['student']
    return ConfigDict(found), scope


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


def build_model(cfg: dict, scope: str | None = None) -> nn.Module:
    """Build a model inside its own registry scope."""
    overwrite = (DefaultScope.overwrite_default_scope(scope) if scope else
                 nullcontext())
    with overwrite:
        return MODELS.build(cfg)


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
