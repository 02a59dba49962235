"""The two ways to write a distillation loss, and the one they come to.

Short form, one entry a loss::

    losses=dict(loss_neck=dict(
        type='FeatureMSELoss', loss_weight=0.5,
        student='neck[:4]', teacher='gated:neck[:4]'))

MMRazor's words, accepted as they stand::

    student_recorders=dict(neck=dict(type='ModuleOutputs', source='neck')),
    teacher_recorders=dict(neck=dict(type='ModuleOutputs', source='neck')),
    connectors=dict(up=dict(type='mmrazor.ConvModuleConnector', …)),
    distill_losses=dict(loss_p3=dict(type='mmrazor.L2Loss')),
    loss_forward_mappings=dict(loss_p3=dict(
        s_feature=dict(from_student=True, recorder='neck', data_idx=0,
                       connector='up'),
        t_feature=dict(from_student=False, recorder='neck', data_idx=0)))

Both become a list of :class:`LossConfig`.
"""
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mmxkd.errors import ConfigError, did_you_mean
from mmxkd.recording.hook_points import STUDENT, split_model

VERBOSE_KEYS = ('student_recorders', 'teacher_recorders', 'connectors',
                'distill_deliveries', 'distill_losses',
                'loss_forward_mappings')
_SOURCE_KEYS = ('from_student', 'recorder', 'data_idx', 'record_idx',
                'connector', 'teacher')


@dataclass(frozen=True)
class Source:
    """Where one value of a loss argument is read.

    Attributes:
        model (str): ``'student'`` or the name of a teacher.
        address (str): Hook point inside that model.
        connector (str, optional): Name of the connector to apply.
    """
    model: str
    address: str
    connector: str | None = None


@dataclass
class LossConfig:
    """One loss in normal form.

    Attributes:
        name (str): Its name in the log.
        cfg (dict): What builds the module.
        weight (float | dict): Number or schedule.
        arguments (dict): Argument name → source, or list of sources. The
            names ``0`` and ``1`` stand for its first and second argument.
        connector: ``'auto'``, None, or a dict that builds one for the
            student's side.
    """
    name: str
    cfg: dict[str, Any]
    weight: float | dict
    arguments: dict[str | int, Source | list[Source]]
    connector: Any = 'auto'


def normalise(cfg: dict, teachers: Sequence[str]) -> list[LossConfig]:
    """Bring a ``distiller`` config into normal form.

    Args:
        cfg (dict): Short form (``losses``), MMRazor's words, or both.
        teachers (list[str]): Names of the teachers.

    Raises:
        ConfigError: A key is unknown, or a loss would be silently absent.
    """
    cfg = dict(cfg)
    kind = cfg.pop('type', 'Distiller')
    if str(kind).split('.')[-1] not in ('Distiller', 'ConfigurableDistiller'):
        raise ConfigError(f"distiller.type={kind!r}: expected 'Distiller' or "
                          "MMRazor's 'ConfigurableDistiller'")
    known = ('losses', 'log_levels', *VERBOSE_KEYS)
    for key in cfg:
        if key not in known:
            raise ConfigError(f'distiller.{key} is unknown; '
                              + did_you_mean(key, known))
    found = [
        _short(name, dict(loss), teachers)
        for name, loss in (cfg.get('losses') or {}).items()
    ]
    found += _verbose(cfg, teachers)
    names = [loss.name for loss in found]
    for name in names:
        if 'loss' not in name:
            raise ConfigError(
                f"distiller: the loss {name!r} needs 'loss' in its name, "
                'since only such entries are summed into the total')
        if names.count(name) > 1:
            raise ConfigError(f'distiller: two losses are named {name!r}')
    if not found:
        raise ConfigError('distiller: no loss is configured, nothing would '
                          'be distilled')
    return found


def _source(text: str, key: str, teachers: Sequence[str],
            side: str | None = None) -> Source:
    """Read ``[model:]address``; the side fills in a model left out."""
    if not isinstance(text, str):
        raise ConfigError(f'{key}: expected a hook point such as '
                          f"'neck[:4]', got {text!r}")
    model, address = split_model(text, default='')
    if not model:
        if side == 'teacher' and len(teachers) > 1:
            raise ConfigError(f'{key}={text!r}: say which teacher, e.g. '
                              f"'{teachers[0]}:{address}'; there are "
                              f'{list(teachers)}')
        model = teachers[0] if side == 'teacher' else STUDENT
    if model != STUDENT and model not in teachers:
        raise ConfigError(f'{key}={text!r}: there is no teacher {model!r}; '
                          + did_you_mean(model, [*teachers, STUDENT]))
    if side == 'student' and model != STUDENT:
        raise ConfigError(f'{key}={text!r}: expected a layer of the student')
    if side == 'teacher' and model == STUDENT:
        raise ConfigError(f'{key}={text!r}: expected a layer of a teacher; '
                          f'there are {list(teachers)}')
    return Source(model, address)


def _short(name: str, loss: dict, teachers: Sequence[str]) -> LossConfig:
    key = f'distiller.losses.{name}'
    if 'type' not in loss:
        raise ConfigError(f"{key}: 'type' is missing")
    arguments: dict[str | int, Source | list[Source]] = {}

    def read(value, where, side=None):
        if isinstance(value, (list, tuple)):
            return [_source(v, where, teachers, side) for v in value]
        return _source(value, where, teachers, side)

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
    return LossConfig(name, loss, weight, arguments, connector)


def _recorder_address(recorder: dict, key: str) -> tuple[str, str]:
    """Model (or '') and address of one of MMRazor's recorders."""
    kind = str(recorder.get('type', '')).removesuffix('Recorder')
    kinds = ('ModuleOutputs', 'ModuleInputs', 'MethodOutputs')
    if kind not in kinds:
        raise ConfigError(
            f'{key}.type={recorder.get("type")!r}: '
            + did_you_mean(kind, kinds) + ' Instead of a function, record '
            'the layer or method that calls it')
    if 'source' not in recorder:
        raise ConfigError(f"{key}: 'source' is missing")
    model, address = split_model(str(recorder['source']), default='')
    ending = dict(ModuleInputs='.inputs', MethodOutputs='()')
    return model, address + ending.get(kind, '')


def _verbose(cfg: dict, teachers: Sequence[str]) -> list[LossConfig]:
    losses = cfg.get('distill_losses') or {}
    mappings = cfg.get('loss_forward_mappings') or {}
    connectors = cfg.get('connectors') or {}
    for name in mappings:
        if name not in losses:
            raise ConfigError(f'distiller.loss_forward_mappings.{name}: no '
                              'such loss; ' + did_you_mean(name, losses))
    found = []
    for name, loss in losses.items():
        if not mappings.get(name):
            raise ConfigError(
                f'distiller.distill_losses.{name} has no entry in '
                'loss_forward_mappings: it would be silently absent')
        loss = dict(loss)
        arguments: dict[str | int, Source | list[Source]] = {
            argument: _mapping(
                cfg, mapping, teachers, connectors,
                f'distiller.loss_forward_mappings.{name}.{argument}')
            for argument, mapping in mappings[name].items()
        }
        weight = loss.pop('loss_weight', 1.0)
        found.append(LossConfig(name, loss, weight, arguments))
    return found


def _mapping(cfg: dict, mapping: dict, teachers: Sequence[str],
             connectors: dict, key: str) -> Source:
    """One entry of ``loss_forward_mappings``."""
    for word in mapping:
        if word not in _SOURCE_KEYS:
            raise ConfigError(f'{key}.{word} is unknown; '
                              + did_you_mean(word, _SOURCE_KEYS))
    if 'from_student' not in mapping or 'recorder' not in mapping:
        raise ConfigError(f"{key}: needs 'from_student' and 'recorder'")
    side = 'student' if mapping['from_student'] else 'teacher'
    group = f'{side}_recorders'
    recorders = cfg.get(group) or {}
    if mapping['recorder'] not in recorders:
        raise ConfigError(
            f'{key}.recorder={mapping["recorder"]!r}: not in {group}; '
            + did_you_mean(mapping['recorder'], recorders))
    model, address = _recorder_address(
        recorders[mapping['recorder']],
        f'distiller.{group}.{mapping["recorder"]}')
    if mapping.get('record_idx') is not None:
        address += f'@{mapping["record_idx"]}'
    if mapping.get('data_idx') is not None:
        address += f'[{mapping["data_idx"]}]'
    model = mapping.get('teacher', model)
    source = _source(f'{model}:{address}' if model else address, key,
                     teachers, side)
    connector = mapping.get('connector')
    if connector is not None and connector not in connectors:
        raise ConfigError(f'{key}.connector={connector!r}: not in '
                          'connectors; ' + did_you_mean(connector, connectors))
    return Source(source.model, source.address, connector)
