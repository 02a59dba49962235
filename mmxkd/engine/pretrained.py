"""Weights that training starts from, looked for before anything is built."""
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import mmengine
import torch
from mmengine.config import Config
from mmengine.model import PretrainedInit

from mmxkd.errors import ConfigError, did_you_mean

_TORCHVISION = ('torchvision://', 'modelzoo://')


def check_pretrained(cfg: Config) -> None:
    """Refuse pretrained weights that cannot be found.

    A model is initialised also where a run is resumed, or has ``load_from``.
    The teachers of a distillation are not: they load their checkpoints.

    Args:
        cfg (Config): A whole config.

    Raises:
        ConfigError: A file does not exist, or its name needs torchvision and
            there is none. It names the key and says what to write.
    """
    for key, name in pretrained_in(cfg.model, 'model'):
        _check_file(f'{cfg.filename}: {key}={name!r}', name)


def check_start(cfg: Config) -> None:
    """Refuse a run that would start from other weights than its config says.

    Call it where the config says whether the run is resumed:
    :func:`mmxkd.engine.launch.resume_from` changes ``load_from``.

    Args:
        cfg (Config): A whole config.

    Raises:
        ConfigError: There is no file ``load_from``; or stages of the model
            are frozen that nothing would load.
    """
    start = cfg.get('load_from')
    if start:
        _check_file(f'{cfg.filename}: load_from={start!r}', str(start))
    elif not cfg.get('resume'):
        for key, stages in frozen_in(cfg.model, 'model'):
            owner = key.rpartition('.')[0]
            raise ConfigError(
                f'{cfg.filename}: {key}={stages} would keep random weights '
                'for ever. Name the file that they start from: '
                f"{owner}.init_cfg=dict(type='Pretrained', checkpoint=…), or "
                f'load_from; or let all stages train: {key}=-1 (0 for an '
                'EfficientNet)')


def _check_file(where: str, name: str) -> None:
    if name.startswith(_TORCHVISION) and find_spec('torchvision') is None:
        raise ConfigError(f'{where} needs torchvision, which is not '
                          'installed. ' + _without_torchvision(name))
    if '://' not in name and not Path(name).is_file():
        known = [str(path) for path in Path(name).parent.glob('*.pth')]
        raise ConfigError(f'{where}: there is no such file; '
                          + did_you_mean(name, known))


def frozen_in(model: Any, key: str) -> Iterator[tuple[str, int]]:
    """Keys of frozen stages whose weights no ``Pretrained`` names.

    Examples:
        >>> list(frozen_in(dict(backbone=dict(frozen_stages=1)), 'model'))
        [('model.backbone.frozen_stages', 1)]
    """
    if isinstance(model, (list, tuple)):
        for i, part in enumerate(model):
            yield from frozen_in(part, f'{key}[{i}]')
    if not isinstance(model, Mapping) or model.get('pretrained'):
        return
    # That of the model itself: a part may name its own.
    init = model.get('init_cfg')
    if any(pretrained_in(init, '')):
        return
    stages = model.get('frozen_stages')
    if type(stages) is int and stages > 0:
        yield f'{key}.frozen_stages', stages
    for name, part in model.items():
        if name not in ('teachers', 'init_cfg'):
            yield from frozen_in(part, f'{key}.{name}')


def pretrained_in(model: Any, key: str) -> Iterator[tuple[str, str]]:
    """Key and name of each file that initialising a model reads."""
    if isinstance(model, (list, tuple)):
        for i, part in enumerate(model):
            yield from pretrained_in(part, f'{key}[{i}]')
    if not isinstance(model, Mapping):
        return
    if model.get('type') in ('Pretrained', PretrainedInit):
        yield f'{key}.checkpoint', str(model.get('checkpoint'))
    if isinstance(model.get('pretrained'), str):
        yield f'{key}.pretrained', model['pretrained']
    for name, part in model.items():
        if name != 'teachers':
            yield from pretrained_in(part, f'{key}.{name}')


def _without_torchvision(name: str) -> str:
    table = Path(mmengine.__file__).parent / 'hub/torchvision_0.12.json'
    known = mmengine.load(table)
    short = name.partition('://')[2]
    if short not in known:
        return f'There is no {short!r} there; ' + did_you_mean(short, known)
    return (f'Download {known[short]} and set this key to the file; or '
            f'install the torchvision of torch {torch.__version__}; or set '
            'init_cfg=None, to start from random weights')
