"""A forward pass on a grey picture, to learn shapes before training."""
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.logging import print_log
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmxkd.errors import ConfigError
from mmxkd.recording.recorders import tensors_in
from mmxkd.recording.tape import Tape

from .registry import family_of


def dry_run_size(value: object) -> tuple[int, int] | None:
    """Height and width of the grey pictures; None for no dry run.

    Raises:
        ConfigError: It is neither a bool nor two positive integers.
    """
    if isinstance(value, bool):
        return (128, 128) if value else None
    if isinstance(value, (list, tuple)) and len(value) == 2 and all(
            isinstance(side, int) and side > 0 for side in value):
        return value[0], value[1]
    raise ConfigError(f'model.dry_run={value!r}: expected True, False or '
                      '(height, width)')


@contextmanager
def untouched(model: nn.Module, gradient: bool = False) -> Iterator[None]:
    """Leave random numbers and batch statistics as they were.

    Args:
        model (nn.Module): What runs inside.
        gradient (bool): Whether the graph of the gradient is built.
    """
    norms = [m for m in model.modules() if isinstance(m, _BatchNorm)]
    modes = [m.training for m in norms]
    for module in norms:
        module.eval()
    try:
        with torch.random.fork_rng(), torch.set_grad_enabled(gradient):
            yield
    finally:
        for module, mode in zip(norms, modes, strict=True):
            module.training = mode


Size = tuple[int, int]


def dry_run(model: nn.Module, tape: Tape, mode: str, size: Size,
            gradient: bool = False) -> Any:
    """Fill a tape from a grey batch; find records that get overwritten.

    Args:
        model (nn.Module): The student or a teacher.
        tape (Tape): Its tape.
        mode (str): Mode of its forward.
        size (tuple[int, int]): Height and width in pixels.
        gradient (bool): Whether the records carry a gradient, where the
            layers do.

    Returns:
        What the model returns; None if it failed behind the recorded layers.

    Raises:
        ConfigError: The model cannot be run on a grey picture.
    """
    inputs, samples = family_of(model).grey_batch(model, size)
    found = None
    try:
        with untouched(model, gradient), tape.listen():
            found = model(inputs, samples, mode=mode)
    except Exception as error:
        if not tape.full:
            shape = tuple(next(tensors_in(inputs)).shape)
            raise ConfigError(
                f'dry run of {tape.name!r} ({type(model).__name__}) on grey '
                f'pictures {shape} failed: '
                f'{type(error).__name__}: {error}. Set another size by '
                'dry_run=(H, W), or dry_run=False and state the connectors'
            ) from error
        # What lies behind the recorded layers need not run on a grey
        # picture.
        print_log(
            f'{tape.name}: the dry run went up to the recorded layers, '
            f'since the rest refuses a grey picture ({error})',
            logger='current')
    overwritten = tape.copy_overwritten()
    if overwritten:
        print_log(
            f'{tape.name}: {", ".join(overwritten)} is changed in place by '
            'a later layer; its records are copied', logger='current')
    return found
