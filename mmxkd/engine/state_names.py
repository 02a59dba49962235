"""Checkpoints that name the student's weights as the plain student does.

So a distilled student loads into its plain config without conversion, and a
plain student's file into the algorithm; connectors and discriminators stand
under ``distiller.``.
"""
from torch import nn

_STUDENT, _DISTILLER = 'student.', 'distiller.'


def _save_plain(module: nn.Module, state: dict, prefix: str,
                _metadata) -> None:
    """State-dict hook: ``student.backbone…`` becomes ``backbone…``."""
    old = prefix + _STUDENT
    for name in [k for k in state if k.startswith(old)]:
        state[prefix + name[len(old):]] = state.pop(name)


def _load_plain(module: nn.Module, state: dict, prefix: str, *_) -> None:
    """Load hook: ``backbone…`` becomes ``student.backbone…``."""
    names = [k for k in state if k.startswith(prefix)]
    for name in names:
        rest = name[len(prefix):]
        if not rest.startswith((_STUDENT, _DISTILLER)):
            state[prefix + _STUDENT + rest] = state.pop(name)


def use_plain_names(algorithm: nn.Module) -> None:
    """Install both hooks.

    mmengine's ``get_state_dict`` calls state-dict hooks, but never
    ``module.state_dict()``, so overriding that method would not do.
    """
    algorithm._register_state_dict_hook(_save_plain)
    algorithm.register_load_state_dict_pre_hook(_load_plain)
