"""The model that a run trains, whoever wraps it."""
from typing import Any

from mmengine.model import is_model_wrapper
from mmengine.optim import BaseOptimWrapper
from mmengine.runner import Runner
from torch import nn


def bare_model(model: nn.Module) -> Any:
    """A model without the wrapper of several processes."""
    return model.module if is_model_wrapper(model) else model


def model_to_start(runner: Runner) -> Any:
    """The bare model whose training is about to start from a checkpoint.

    For hooks that change what ``load_from`` names: mmengine loads a
    checkpoint in the same way to go on with a run, and to test a model.

    Args:
        runner (Runner): While it loads a checkpoint.

    Returns:
        nn.Module | None: None where the run is resumed, or tests a model.
    """
    training = isinstance(runner.optim_wrapper, BaseOptimWrapper)
    if runner._resume or not training:
        return None
    return bare_model(runner.model)
