"""A ``distiller`` config, checked and brought into normal form.

The short form has one entry per loss::

    losses=dict(loss_neck=dict(
        type='FeatureMSELoss', loss_weight=0.5,
        student='neck[:4]', teacher='gated:neck[:4]'))

:mod:`.mmrazor_words` reads MMRazor's words, which may be used beside it.
"""
from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from mmxkd.engine.label_sources import check_kind
from mmxkd.errors import ConfigError, check_keys

from . import mmrazor_words
from .normal_form import (
    Arguments,
    DistillerConfig,
    LossConfig,
    Sources,
    read_source,
)


def normalise(
        cfg: dict, teachers: Sequence[str],
        models: Mapping[str, nn.Module] | None = None) -> DistillerConfig:
    """Bring a ``distiller`` config into normal form.

    Args:
        cfg (dict): Short form (``losses``), MMRazor's words, or both.
        teachers (list[str]): Names of the teachers.
        models (dict[str, nn.Module], optional): Student and teachers by
            name, in which MMRazor's class paths are looked up.

    Raises:
        ConfigError: A key is unknown, or a loss would be silently absent.
    """
    if not isinstance(cfg, Mapping):
        raise ConfigError(f"model.distiller={cfg!r}: expected a dict with "
                          "'losses'")
    cfg = dict(cfg)
    kind = cfg.pop('type', 'Distiller')
    if str(kind).split('.')[-1] not in ('Distiller', mmrazor_words.DISTILLER):
        raise ConfigError(f"distiller.type={kind!r}: expected 'Distiller' or "
                          f"MMRazor's {mmrazor_words.DISTILLER!r}")
    check_keys('distiller', cfg,
               ('losses', 'labels', 'log_levels', *mmrazor_words.KEYS))
    for key, value in cfg.items():
        if key != 'log_levels' and not isinstance(value or {}, Mapping):
            raise ConfigError(f'distiller.{key}={value!r}: expected a dict, '
                              'name to config')
    losses = [
        _read_loss(name, loss, teachers)
        for name, loss in (cfg.get('losses') or {}).items()
    ]
    losses += mmrazor_words.read_losses(cfg, teachers, models or {})
    labels = dict(cfg.get('labels') or {})
    _check_names([loss.name for loss in losses])
    if not losses and not labels:
        raise ConfigError('distiller: no loss is configured, nothing would '
                          'be distilled')
    return DistillerConfig(
        losses, dict(cfg.get('connectors') or {}),
        mmrazor_words.read_deliveries(cfg, teachers, models or {}), labels,
        bool(cfg.get('log_levels', False)))


def _check_names(names: Sequence[str]) -> None:
    for name in names:
        if 'loss' not in name:
            raise ConfigError(
                f"distiller: the loss {name!r} needs 'loss' in its name, "
                'since only such entries are summed into the total')
        if names.count(name) > 1:
            raise ConfigError(f'distiller: two losses are named {name!r}')


def _read_loss(name: str, loss: Any, teachers: Sequence[str]) -> LossConfig:
    """One entry of the short form."""
    key = f'distiller.losses.{name}'
    if not isinstance(loss, Mapping):
        raise ConfigError(f"{key}={loss!r}: expected a dict with a 'type'")
    loss = dict(loss)
    if 'type' not in loss:
        raise ConfigError(f"{key}: 'type' is missing")
    arguments: Arguments = {}

    def read(value, where, side=None) -> Sources:
        if isinstance(value, (list, tuple)):
            return [read_source(v, where, teachers, side) for v in value]
        return read_source(value, where, teachers, side)

    for position, side in enumerate(('student', 'teacher')):
        if side in loss:
            arguments[position] = read(loss.pop(side), f'{key}.{side}', side)
    for argument, value in (loss.pop('inputs', None) or {}).items():
        arguments[argument] = read(value, f'{key}.inputs.{argument}')
    if not arguments:
        raise ConfigError(f"{key}: it reads nothing; set 'student' and "
                          "'teacher' to hook points")
    weight = loss.pop('loss_weight', 1.0)
    connector = loss.pop('connector', 'auto')
    only = loss.pop('only', None)
    check_kind(f'{key}.only', only, teachers)
    return LossConfig(name, loss, weight, arguments, connector, only)
