"""Which ways to spread or compile a model work, said before training."""
from collections.abc import Mapping
from typing import Any

from mmxkd.errors import ConfigError

_INSTEAD = ("leave it out, or use type='MMDistributedDataParallel' (with "
            "FlexibleRunner: strategy=dict(type='DDPStrategy'))")
# Wrapper or strategy -> why it is refused.
_REFUSED = dict.fromkeys(
    ('MMFullyShardedDataParallel', 'FSDPStrategy'),
    'it splits the weights of a layer among the processes, while the checks '
    'of gradients, the checkpoints and the hook points of a distillation '
    'need whole layers')
_REFUSED.update(
    dict.fromkeys(
        ('DeepSpeedStrategy', 'ColossalAIStrategy', 'MMDeepSpeedEngineWrapper',
         'CollosalAIModelWrapper'),
        'its engine takes the steps itself, past the checks of gradients and '
        'the checkpoints of mmxkd'))
_REFUSED['MMSeparateDistributedDataParallel'] = (
    'it wraps each child of the model by itself, so that student and '
    'distiller would not be where the hook points name them')


def check_parallel(cfg: Mapping) -> None:
    """Refuse what is known not to work, with what to use in its place.

    Args:
        cfg (Mapping): Config of a run.

    Raises:
        ConfigError: It names the key of the config.
    """
    strategy = cfg.get('strategy') or {}
    wrappers = {
        'model_wrapper_cfg': cfg.get('model_wrapper_cfg'),
        'strategy': strategy,
        'strategy.model_wrapper':
        strategy.get('model_wrapper') if isinstance(strategy, Mapping) else {},
    }  # yapf: disable
    for key, stated in wrappers.items():
        kind = _name(stated)
        if kind in _REFUSED:
            raise ConfigError(f'{key}: {kind} is not supported: '
                              f'{_REFUSED[kind]}; {_INSTEAD}')
    if isinstance(strategy, str):
        raise ConfigError(f'strategy: expected a dict, e.g. '
                          f'dict(type={strategy!r}), got {strategy!r}')


def _name(stated: Any) -> str:
    kind = stated.get('type', '') if isinstance(stated, Mapping) else stated
    if not isinstance(kind, str):
        kind = getattr(kind, '__name__', type(kind).__name__)
    return kind.split('.')[-1]
