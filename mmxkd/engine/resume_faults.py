"""Why the state in a checkpoint cannot be that of a run."""
from collections.abc import Iterable, Mapping
from typing import Any

from mmengine.hooks import EMAHook
from mmengine.optim import OptimWrapperDict

from .bare_model import bare_model


def faults_of_state(runner, checkpoint: Mapping) -> list[str]:
    """Why the state in a checkpoint is not that of this run.

    mmengine leaves out what does not fit, or torch raises from deep inside.

    Args:
        runner (Runner): Built, but not loaded.
        checkpoint (dict): As it was read.

    Returns:
        list[str]: One sentence for each fault.
    """
    model = bare_model(runner.model)
    faults = _faults_of_weights(checkpoint.get('state_dict') or {}, model)
    averaged = any(isinstance(hook, EMAHook) for hook in runner.hooks)
    if 'ema_state_dict' in checkpoint and not averaged:
        faults.append('Its weights are averages by EMAHook, which this config '
                      'does not have: they would be trained on as if they '
                      'were the weights that the optimizer knows.')
    if 'optimizer' not in checkpoint:
        faults.append('It holds no state of an optimizer.')
    else:
        faults += _faults_of_optimizer(checkpoint['optimizer'],
                                       runner.optim_wrapper)
    schedules = runner.param_schedulers
    if schedules is not None:
        ours, theirs = (_numbers(x)
                        for x in (schedules,
                                  checkpoint.get('param_schedulers')))
        if ours != theirs:
            faults.append(f'It holds the state of {theirs} schedules of '
                          f'param_scheduler, the config has {ours}.')
    return faults


def _numbers(schedules: Any) -> Any:
    """How many there are; of each optimizer, where there are several."""
    if isinstance(schedules, Mapping):
        return {name: len(part) for name, part in schedules.items()}
    return len(schedules or [])


def _faults_of_weights(state: Mapping, model: Any) -> list[str]:
    theirs = {
        name.removeprefix('module.'): tuple(getattr(value, 'shape', ()))
        for name, value in state.items()
    }
    ours = {
        name: tuple(getattr(value, 'shape', ()))
        for name, value in model.state_dict().items()
    }
    faults = []
    for what, names in (('weights of this model are not in it',
                         ours.keys() - theirs.keys()),
                        ('of its weights are not in this model',
                         theirs.keys() - ours.keys()),
                        ('of its weights have another shape in this model', {
                            n for n in ours.keys() & theirs.keys()
                            if ours[n] != theirs[n]
                        })):
        if names:
            faults.append(f'{len(names)} {what}: {_some(names)}.')
    return faults


def _some(names: Iterable[str]) -> str:
    names = sorted(names)
    return ', '.join(names[:4]) + (', …' if len(names) > 4 else '')


def _faults_of_optimizer(state: Mapping, wrapper: Any) -> list[str]:
    several = isinstance(wrapper, OptimWrapperDict)
    parts = dict(wrapper.items()) if several else {'': wrapper}
    states: Mapping = state if several else {'': state}
    if 'param_groups' in state and several or parts.keys() != states.keys():
        return [
            'It is of a run with another set of optimizers: this config '
            f'has {sorted(parts)}.'
        ]
    faults = []
    for name, part in parts.items():
        ours = [len(g['params']) for g in part.optimizer.param_groups]
        if not isinstance(states[name], Mapping) or ('param_groups'
                                                     not in states[name]):
            return [
                'It is of a run with several optimizers: '
                f'{_some(map(str, states[name]))}. This config has one.'
            ]
        groups = states[name]['param_groups']
        theirs = [len(g['params']) for g in groups]
        title = f'optimizer {name!r}' if name else 'optimizer'
        if ours != theirs:
            faults.append(
                f'The {title} has {sum(theirs)} parameters in {len(theirs)} '
                f'groups in it, and {sum(ours)} in {len(ours)} here.')
    return faults
