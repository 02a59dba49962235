"""What a run was made by, and how two runs differ.

A fact is a key with a plain value. Most facts are leaves of the config, which
mmengine stores as text in each checkpoint; the others are known only when the
run is built: the weights of the teachers, the data, the number of processes.
"""
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_world_size
from mmengine.optim import OptimWrapperDict

from .bare_model import bare_model
from .plain_config import read_plain_config

#: What ``--allow`` takes: the key, and what then happens.
ALLOWED = {
    'student': 'the student goes on with the options of the config',
    'distiller': 'the losses go on as the config states them',
    'teachers': 'the student goes on with the teachers of the config',
    'data': 'the run goes on with the data of the config',
    'batch_size': 'epochs and iterations are counted on from the checkpoint',
    'world_size': 'epochs and iterations are counted on from the checkpoint',
    'optimizer': "the checkpoint's learning rates, momenta and weight decays "
    'stay in force, and not those of the config',
    'schedule': "the checkpoint's schedules stay in force, and not those of "
    'the config',
    'seed': "the checkpoint's seed stays in force, and not that of the config",
    'hooks': 'the hooks of the config run',
    'mid_epoch': 'the epoch is trained again from its start',
}

# Of which key a fact is, by its beginning. None: it is told, not refused.
_KEYS: tuple[tuple[str, str | None], ...] = (
    ('teachers', 'teachers'),
    ('model.teachers', 'teachers'),
    ('model.distiller', 'distiller'),
    ('model', 'student'),
    ('train_dataloader.batch_size', 'batch_size'),
    ('train_dataloader.num_workers', None),
    ('train_dataloader', 'data'),
    ('data', 'data'),
    ('world_size', 'world_size'),
    ('optim_wrapper', 'optimizer'),
    ('auto_scale_lr', 'optimizer'),
    ('param_scheduler', 'schedule'),
    ('train_cfg.type', 'schedule'),
    ('train_cfg.by_epoch', 'schedule'),
    ('train_cfg', None),
    ('randomness', 'seed'),
    ('custom_hooks', 'hooks'),
    ('versions', None),
)
_PARTS = ('model', 'train_dataloader', 'optim_wrapper', 'auto_scale_lr',
          'param_scheduler', 'train_cfg', 'randomness', 'custom_hooks')
_OF_TEACHER = re.compile(r'model\.teachers\.\w+\.cfg\b')
# Where something lies does not matter: what it holds is compared. How a
# model was initialised is past.
_LEFT_OUT = {
    'data_root', 'ann_file', 'data_prefix', 'img_prefix', 'backend_args',
    'checkpoint', 'init_cfg', 'load_from', 'persistent_workers', 'pin_memory',
    'prefetch_factor', 'check_meaning', 'dir'
}
# These take no part in a step.
_GUARDS = {
    'EpochSeedHook', 'FiniteGuardHook', 'GracefulStopHook', 'HangGuardHook',
    'RunRecordHook', 'StartingWeightsHook', 'StepStateHook',
    'TeacherCacheHook', 'TeacherMeaningHook'
}
_MANY = 12


@dataclass(frozen=True)
class Difference:
    """One fact that differs.

    Attributes:
        fact (str): E.g. ``'optim_wrapper.optimizer.lr'``.
        then, now: Its values; ``None`` where there is none.
        key (str | None): What ``--allow`` takes for it.
    """
    fact: str
    then: Any
    now: Any
    key: str | None


def config_facts(text: str) -> dict[str, Any]:
    """The leaves of a config that shape the steps of a run.

    Args:
        text (str): As mmengine dumps it; it is read, not run.

    Examples:
        >>> config_facts('''
        ... work_dir = 'w'
        ... optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.1))
        ... ''')
        {'optim_wrapper.optimizer.type': 'SGD', \
'optim_wrapper.optimizer.lr': 0.1}
    """
    cfg = read_plain_config(text)
    hooks = cfg.get('custom_hooks')
    if isinstance(hooks, Sequence):
        named = [h for h in hooks if isinstance(h, Mapping)]
        cfg['custom_hooks'] = {
            str(hook.get('type')): hook for hook in named
            if not _is_guard(hook)
        }
    return {
        fact: value for name in cfg if name in _PARTS
        for fact, value in _leaves(name, cfg[name])
        # The config that a teacher was built of is a fact of the built run.
        if not _OF_TEACHER.match(fact)
    }


def _is_guard(hook: Mapping) -> bool:
    """Whether a hook takes no part in a step."""
    name = str(hook.get('type')).split('.')[-1]
    # With its defaults, this one only looks and logs.
    return name in _GUARDS or (name == 'LabelSourcesHook' and len(hook) == 1)


def _leaves(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            if key not in _LEFT_OUT:
                yield from _leaves(f'{name}.{key}', item)
    elif isinstance(value, (list, tuple)):
        if any(isinstance(item, Mapping) for item in value):
            for i, item in enumerate(value):
                yield from _leaves(f'{name}[{i}]', item)
        else:
            yield name, json.loads(json.dumps(value, default=str))
    else:
        yield name, value


def live_facts(runner: Any) -> dict[str, Any]:
    """What only the built run knows.

    Args:
        runner (Runner): With its training loop, and its teachers loaded.

    Returns:
        dict: ``teachers.NAME.weights`` and ``.config``, ``data.…``,
        ``train_dataloader.batch_size`` (per process), the class of the
        optimizer, ``world_size`` and ``versions.…``.
    """
    model = bare_model(runner.model)
    facts: dict[str, Any] = dict(world_size=get_world_size())
    teachers = getattr(model, 'teachers', None)
    if isinstance(teachers, Mapping):
        for name, teacher in teachers.items():
            facts[f'teachers.{name}.weights'] = hash_of_weights(teacher.model)
            facts[f'teachers.{name}.config'] = _hash(
                json.dumps(dict(_leaves('cfg', teacher.cfg)), sort_keys=True,
                           default=str).encode())
    whole = runner.optim_wrapper
    for name, wrapper in (whole.items() if isinstance(whole, OptimWrapperDict)
                          else (('', whole), )):
        place = '.'.join(filter(None, ('optim_wrapper', name)))
        facts[f'{place}.optimizer.class'] = type(wrapper.optimizer).__name__
    loader = runner.train_dataloader
    size = getattr(loader, 'batch_size', None)
    if size is None:
        size = getattr(loader.batch_sampler, 'batch_size', None)
    facts['train_dataloader.batch_size'] = size
    facts['data.samples'] = len(loader.dataset)
    for i, dataset in enumerate(_parts(loader.dataset)):
        facts[f'data.content[{i}]'] = hash_of_data(dataset)
    for package in ('mmxkd', 'torch', 'mmengine', 'numpy'):
        facts[f'versions.{package}'] = str(import_module(package).__version__)
    return facts


def _hash(data: bytes) -> str:
    return 'sha256:' + hashlib.sha256(data).hexdigest()


def hash_of_weights(model: torch.nn.Module) -> str:
    """Of the names, types, shapes and values of a state dict.

    Not of the file: whatever a checkpoint holds besides, and wherever it
    comes from, a teacher is what it computes with.
    """
    found = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        if isinstance(value, torch.Tensor):
            found.update(f'{name} {value.dtype} {tuple(value.shape)}'.encode())
            data = value.detach().cpu().contiguous().reshape(-1)
            found.update(data.view(torch.uint8).numpy().data)
    return 'sha256:' + found.hexdigest()


def _parts(dataset: Any) -> Iterator[Any]:
    """The datasets inside of wrappers and concatenations."""
    if hasattr(dataset, 'datasets'):
        for part in dataset.datasets:
            yield from _parts(part)
    elif hasattr(dataset, 'dataset'):
        yield from _parts(dataset.dataset)
    else:
        yield dataset


def hash_of_data(dataset: Any) -> str | None:
    """Of the annotation file, or else of what the dataset says of a thousand
    samples.

    Folders do not count, so that data may move. None: the dataset says
    nothing of its samples.
    """
    path = getattr(dataset, 'ann_file', None)
    if isinstance(path, (str, os.PathLike)) and os.path.isfile(path):
        with open(path, 'rb') as file:
            return 'sha256:' + hashlib.file_digest(file, 'sha256').hexdigest()
    if not hasattr(dataset, 'get_data_info'):
        return None
    found = hashlib.sha256()
    number = len(dataset)
    for i in np.linspace(0, number - 1, min(number, 1000), dtype=int):
        info = dataset.get_data_info(int(i))
        found.update(json.dumps(_moved(info), default=str).encode())
    return 'sha256:' + found.hexdigest()


def _moved(value: Any) -> Any:
    """File names without their folders; arrays as lists."""
    if isinstance(value, Mapping):
        return {str(key): _moved(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_moved(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    return os.path.basename(value) if isinstance(value, str) else value


def differences(then: Mapping[str, Any],
                now: Mapping[str, Any]) -> list[Difference]:
    """Facts that differ, those of one key together.

    Args:
        then, now (dict): Facts of the checkpoint and of this run.
    """
    found = [
        Difference(fact, then.get(fact), now.get(fact), key_of(fact))
        for fact in {**then, **now} if then.get(fact) != now.get(fact)
    ]
    order = [*ALLOWED, None]
    return sorted(found, key=lambda d: order.index(d.key))


def key_of(fact: str) -> str | None:
    """What ``--allow`` takes for a fact.

    Examples:
        >>> key_of('model.distiller.losses.loss_a.type')
        'distiller'
    """
    for begin, key in _KEYS:
        if fact == begin or fact.startswith((begin + '.', begin + '[')):
            return key
    return None


def table(found: Sequence[Difference]) -> str:
    """Differences as text; of each key at most a dozen."""
    rows, left = [('key', 'what', 'checkpoint', 'now')], 0
    for key in dict.fromkeys(d.key for d in found):
        of_key = [d for d in found if d.key == key]
        rows += [(key or '-', d.fact, _short(d.then), _short(d.now))
                 for d in of_key[:_MANY]]
        left += max(0, len(of_key) - _MANY)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        '  '.join(
            text.ljust(width)
            for text, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return '\n'.join(lines + [f'… and {left} more'] * (left > 0))


def _short(value: Any) -> str:
    text = '-' if value is None else str(value)
    if text.startswith('sha256:'):
        return text[:19]
    return text if len(text) <= 40 else text[:39] + '…'
