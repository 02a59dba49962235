"""What a run is about to do, in one short block."""
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from mmengine.dist import get_world_size
from mmengine.optim import OptimWrapper
from mmengine.runner import EpochBasedTrainLoop
from torch import nn

from mmxkd.engine.bare_model import bare_model
from mmxkd.version import __version__


def run_summary(runner: Any) -> str:
    """One line for each thing that a user checks before the first step.

    Args:
        runner (Runner): With its loops and its optimizer built, its weights
            loaded.

    Returns:
        str: Lines of a name and a text: where and what for, data, optimizer,
        model; of a distillation also teachers and losses.
    """
    rows = [
        ('run', f'{runner.experiment_name} in {runner.work_dir}'),
        ('machine', _machine(runner)),
        ('data', _data(runner)),
        ('length', _length(runner)),
        ('optimizer', _optimizer(runner.optim_wrapper)),
        *_models(runner.model),
        ('full log', f'{runner.logger.log_file} (environment, config, hooks, '
         'tables)'),
    ]
    width = max(len(name) for name, _ in rows)
    return '\n'.join(f'{name:<{width}}  {text}' for name, text in rows)


def _machine(runner: Any) -> str:
    device = next(runner.model.parameters()).device
    name = 'CPU' if device.type == 'cpu' else (torch.cuda.get_device_name(
        device) if device.type == 'cuda' else str(device))
    number = get_world_size()
    processes = f'{number} process' + 'es' * (number != 1)
    return (f'{name}, {processes}; torch {torch.__version__}, mmxkd '
            f'{__version__}; seed {runner.seed}')


def _size(loader: Any) -> str:
    dataset = loader.dataset
    size = len(dataset) if hasattr(dataset, '__len__') else 'endless'
    return f'{size} ({type(dataset).__name__})'


def _data(runner: Any) -> str:
    loader = runner.train_dataloader
    text = f'train {_size(loader)}'
    if runner.val_loop is not None:
        text += f', val {_size(runner.val_dataloader)}'
    batch = runner.cfg.get('train_dataloader', {}).get('batch_size')
    if batch is not None:
        text += f'; batches of {batch} per process'
    return text


def _length(runner: Any) -> str:
    loop = runner.train_loop
    if isinstance(loop, EpochBasedTrainLoop):
        done, unit = loop.epoch, 'epoch'
        text = (f'{_plural(loop.max_epochs, unit)} of '
                + _plural(len(loop.dataloader), 'iteration'))
    else:
        done, unit = loop.iter, 'iteration'
        text = _plural(loop.max_iters, unit)
    if done:
        text += f'; goes on after {unit} {done}'
    if runner.val_loop is not None:
        text += '; validates every ' + _plural(loop.val_interval, unit)
    return text


def _plural(number: int, unit: str) -> str:
    return f'{number} {unit}' + 's' * (number != 1)


def _optimizer(wrapper: Any) -> str:
    if not isinstance(wrapper, OptimWrapper):
        return type(wrapper).__name__
    groups = wrapper.optimizer.param_groups
    # Without what a warm-up makes of it.
    rates = sorted({group.get('initial_lr', group['lr']) for group in groups})
    rate = f'{rates[0]:g}' + f' to {rates[-1]:g}' * (len(rates) > 1)
    text = f'{type(wrapper.optimizer).__name__}, lr {rate}'
    if type(wrapper) is not OptimWrapper:
        text += f', {type(wrapper).__name__}'
    return text


def _models(model: nn.Module) -> Iterator[tuple[str, str]]:
    bare = bare_model(model)
    teachers = getattr(bare, 'teachers', None)
    if not isinstance(teachers, Mapping):
        yield 'model', describe_model(bare)
        return
    yield 'student', describe_model(bare.student)
    for name, teacher in teachers.items():
        source = teacher.checkpoint or 'random weights'
        yield 'teacher', f'{name}: {describe_model(teacher.model)}; {source}'
    for name, loss in bare.distiller.losses.items():
        yield 'loss', f'{name}: {describe_loss(loss)}'
    added = sum(p.numel() for p in bare.distiller.parameters())
    if added:
        yield 'beside', f'connectors and losses have {_count(added)} weights'


def describe_model(model: nn.Module) -> str:
    """Class, number of weights, and how many of them learn.

    Examples:
        >>> describe_model(nn.Linear(3, 4).requires_grad_(False))
        'Linear, 16 weights, all frozen'
    """
    weights = list(model.parameters())
    total = sum(p.numel() for p in weights)
    frozen = sum(p.numel() for p in weights if not p.requires_grad)
    text = f'{type(model).__name__}, {_count(total)} weights'
    if frozen:
        part = 'all' if frozen == total else _count(frozen)
        text += f', {part} frozen'
    return text


def describe_loss(loss: Any) -> str:
    """Class, weight, layers and levels of a bound loss.

    Args:
        loss (BoundLoss): Its attributes ``module``, ``schedule``, ``inputs``
            and ``sizes`` are read.
    """
    schedule = loss.schedule
    weight = (f'{schedule.value:g}' if type(schedule).__name__ == 'Constant'
              else f'{type(schedule).__name__} schedule')
    module = type(getattr(loss.module, 'module', loss.module)).__name__
    places = ', '.join(
        dict.fromkeys(f'{source.model}:{source.address}'
                      for source in loss.inputs.sources()))
    text = f'{module} × {weight}, reads {places}'
    if len(loss.sizes) > 1:
        text += f' ({len(loss.sizes)} levels)'
    return text + (f', on {loss.only} frames' if loss.only else '')


def _count(number: int) -> str:
    """A number of weights in three digits.

    Examples:
        >>> _count(16), _count(41_240_000)
        ('16', '41.2 M')
    """
    for unit, size in (('G', 1e9), ('M', 1e6), ('k', 1e3)):
        if number >= size:
            return f'{number / size:.3g} {unit}'
    return str(number)
