"""MMRazor's config words, read into the normal form.

They are accepted as they stand::

    student_recorders=dict(neck=dict(type='ModuleOutputs', source='neck')),
    teacher_recorders=dict(neck=dict(type='ModuleOutputs', source='neck')),
    connectors=dict(up=dict(type='mmrazor.ConvModuleConnector', …)),
    distill_losses=dict(loss_p3=dict(type='mmrazor.L2Loss')),
    loss_forward_mappings=dict(loss_p3=dict(
        s_feature=dict(from_student=True, recorder='neck', data_idx=0,
                       connector='up'),
        t_feature=dict(from_student=False, recorder='neck', data_idx=0)))

A recorder and its indices are one hook point; a method that is named through
its class is a method of the layer of that class.
"""
import re
from collections.abc import Mapping, Sequence

from torch import nn

from mmxkd.errors import ConfigError, check_keys, did_you_mean
from mmxkd.recording.hook_points import STUDENT, layer_names, split_model

from .normal_form import (
    Arguments,
    DeliveryConfig,
    LossConfig,
    Source,
    read_source,
)

DISTILLER = 'ConfigurableDistiller'
KEYS = ('student_recorders', 'teacher_recorders', 'connectors',
        'distill_deliveries', 'distill_losses', 'loss_forward_mappings')
# Names of the first two arguments, where a loss of ours has others.
POSITIONS = dict(preds_S=0, preds_T=1)
_SOURCE_KEYS = ('from_student', 'recorder', 'data_idx', 'record_idx',
                'connector', 'teacher')
_DELIVERY_KEYS = ('type', 'method_path', 'source', 'teacher', 'max_keep_data')

Models = Mapping[str, nn.Module]


def read_losses(cfg: dict, teachers: Sequence[str],
                models: Models) -> list[LossConfig]:
    """The losses of ``distill_losses`` and ``loss_forward_mappings``.

    Args:
        cfg (dict): The ``distiller`` config.
        teachers (list[str]): Names of the teachers.
        models (dict[str, nn.Module]): Where class paths are looked up.

    Raises:
        ConfigError: A key is unknown, or a loss would be silently absent.
    """
    losses = cfg.get('distill_losses') or {}
    mappings = cfg.get('loss_forward_mappings') or {}
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
        arguments: Arguments = {
            argument: _read_mapping(
                cfg, mapping, teachers, models,
                f'distiller.loss_forward_mappings.{name}.{argument}')
            for argument, mapping in mappings[name].items()
        }
        weight = loss.pop('loss_weight', 1.0)
        found.append(LossConfig(name, loss, weight, arguments))
    return found


def _read_mapping(cfg: dict, mapping: dict, teachers: Sequence[str],
                  models: Models, key: str) -> Source:
    """One entry of ``loss_forward_mappings``."""
    check_keys(key, mapping, _SOURCE_KEYS)
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
    source = read_source(f'{model}:{address}' if model else address, key,
                         teachers, side)
    connector = mapping.get('connector')
    connectors = cfg.get('connectors') or {}
    if connector is not None and connector not in connectors:
        raise ConfigError(f'{key}.connector={connector!r}: not in '
                          'connectors; ' + did_you_mean(connector, connectors))
    if source.model in models:
        address = by_layer(models[source.model], source.address)
    return Source(source.model, address, connector)


def _recorder_address(recorder: dict, key: str) -> tuple[str, str]:
    """Model (or '') and address of a recorder."""
    kind = str(recorder.get('type', '')).removesuffix('Recorder')
    kinds = ('ModuleOutputs', 'ModuleInputs', 'MethodOutputs')
    if kind not in kinds:
        raise ConfigError(f'{key}.type={recorder.get("type")!r} (instead of a '
                          'function, record the layer or method that calls '
                          'it); ' + did_you_mean(kind, kinds))
    if 'source' not in recorder:
        raise ConfigError(f"{key}: 'source' is missing")
    model, address = split_model(str(recorder['source']), default='')
    ending = dict(ModuleInputs='.inputs', MethodOutputs='()')
    return model, address + ending.get(kind, '')


def read_deliveries(cfg: dict, teachers: Sequence[str],
                    models: Models) -> list[DeliveryConfig]:
    """The entries of ``distill_deliveries``.

    Each has ``type='MethodOutputs'``; ``method_path`` or ``source``, the
    method, ``'bbox_head.get_targets'``; and ``teacher``, where there are
    several.

    Raises:
        ConfigError: A key or a teacher does not exist.
    """
    return [
        _read_delivery(f'distiller.distill_deliveries.{name}', delivery,
                       teachers, models)
        for name, delivery in (cfg.get('distill_deliveries') or {}).items()
    ]


def _read_delivery(key: str, cfg: dict, teachers: Sequence[str],
                   models: Models) -> DeliveryConfig:
    check_keys(key, cfg, _DELIVERY_KEYS)
    kind = str(cfg.get('type')).removesuffix('Delivery')
    if kind != 'MethodOutputs':
        raise ConfigError(f"{key}.type={cfg.get('type')!r}: expected "
                          "'MethodOutputs'")
    text = cfg.get('source') or cfg.get('method_path')
    if not text:
        raise ConfigError(f"{key}: 'source' is missing")
    model, path = split_model(text, default=cfg.get('teacher', ''))
    model = model or (teachers[0] if len(teachers) == 1 else '')
    if model not in teachers:
        raise ConfigError(f'{key}: which teacher? '
                          + did_you_mean(model, teachers))
    own, other = (_method_by_layer(models[name], path) if name in models else
                  path for name in (STUDENT, model))
    return DeliveryConfig(key, model, other, own)


def _method_by_layer(model: nn.Module, path: str) -> str:
    """``package.Class.method`` as ``layer.method``, others as they are."""
    owner, _, method = path.removesuffix('()').rpartition('.')
    if owner not in layer_names(model):
        owner = find_owner(model, owner) or owner
    return f'{owner}.{method}'


def find_owner(model: nn.Module, class_path: str) -> str | None:
    """The layer whose class has a dotted path such as MMRazor uses.

    Args:
        model (nn.Module): Where to look.
        class_path (str): ``'mmdet.models.dense_heads.RetinaHead'``, by the
            module that defines the class or one that exports it.

    Returns:
        str | None: The dotted name of the layer.

    Raises:
        ConfigError: Several layers are of that class.
    """
    package, _, name = class_path.rpartition('.')
    found = [
        path for path, module in model.named_modules()
        if path and any(c.__name__ == name and c.__module__.startswith(package)
                        for c in type(module).__mro__)
    ]
    if len(found) > 1:
        raise ConfigError(f'{class_path}: {len(found)} layers are of this '
                          f'class; name one of them: {found[:10]}')
    return found[0] if found else None


def by_layer(model: nn.Module, address: str) -> str:
    """``package.Class.method()`` as ``layer.method()``, others as they are.

    MMRazor names methods through their class, hook points through a layer.
    """
    found = re.match(r'([\w.]+)\.(\w+)\(\)(.*)$', address)
    if not found or found.group(1).split('.')[0] in model._modules:
        return address
    owner = find_owner(model, found.group(1))
    return f'{owner}.{found.group(2)}(){found.group(3)}' if owner else address
