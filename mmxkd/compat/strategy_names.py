"""Names of weights in the checkpoints of ``FlexibleRunner``.

What breaks: ``DDPStrategy`` saves the weights of the wrapper: each name
begins with ``module.``, while mmengine's ``Runner`` saves those of the model.
Repair: the model within the wrapper is asked, as in ``Runner``. Checkpoints
with the old names are still read, since mmengine leaves the prefix out.
Versions: mmengine <= 0.11.0rc0. We know of no report.
Can go: when ``BaseStrategy.model_state_dict`` looks into the wrapper.
"""
import functools
from types import ModuleType
from typing import Any

from .import_hook import after_import
from .stacks import BOTH

STACKS = BOTH


def apply() -> None:
    """Repair the strategies of mmengine."""
    after_import('mmengine._strategy.base', _repair)


def _repair(module: ModuleType) -> None:
    stock = module.BaseStrategy.model_state_dict

    @functools.wraps(stock)
    def model_state_dict(self: Any) -> dict:
        from mmengine.model import is_model_wrapper
        from mmengine.runner import weights_to_cpu
        if is_model_wrapper(self.model):
            return weights_to_cpu(self.model.module.state_dict())
        return stock(self)

    module.BaseStrategy.model_state_dict = model_state_dict
