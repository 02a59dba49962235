"""What a loss may ask for beside features."""
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from mmxkd.errors import ConfigError


def find_prior_generator(model: nn.Module) -> Any:
    """The prior generator of a detector's dense head.

    Raises:
        ConfigError: No part of the model has one.
    """
    for module in model.modules():
        generator = getattr(module, 'prior_generator', None)
        if generator is not None:
            return generator
    raise ConfigError("it asks for 'anchors' or 'strides', but no head of "
                      f'{type(model).__name__} has a prior_generator')


def strides_of(student: nn.Module) -> list[tuple[int, int]]:
    """Stride (x, y) in pixels of each level of the dense head."""
    return [tuple(s) if isinstance(s, (list, tuple)) else (s, s)
            for s in find_prior_generator(student).strides]


def anchors_of(student: nn.Module, batch_input_shape: tuple[int, int],
               device: torch.device) -> list[Tensor]:
    """Anchors of each level, (H·W·A, 4) xyxy in pixels of the input.

    Raises:
        ConfigError: The detector has none, or points instead.
    """
    sizes = [(-(-batch_input_shape[0] // y), -(-batch_input_shape[1] // x))
             for x, y in strides_of(student)]
    generator = find_prior_generator(student)
    # mmdet may wrap boxes in a class of its own.
    priors = [getattr(p, 'tensor', p)
              for p in generator.grid_priors(sizes, device=device)]
    if any(p.shape[-1] != 4 for p in priors):
        raise ConfigError(
            f"it asks for 'anchors', but {type(student).__name__} has points "
            f'({type(generator).__name__})')
    return priors


class Context(dict):
    """Values for the losses, made when the first of them asks.

    Args:
        makers (dict[str, callable]): Name → function without arguments.
    """

    def __init__(self, makers: dict[str, Callable[[], Any]]) -> None:
        super().__init__()
        self.makers = makers

    def __missing__(self, name: str) -> Any:
        self[name] = self.makers[name]()
        return self[name]


def make_context(student: nn.Module, data_samples: list | None,
                 device: torch.device, progress: Any,
                 teachers: Mapping[str, Any] | None = None) -> Context:
    """The context of one training step.

    Of ``teachers``, a loss is given its own as ``teacher_model``.
    """
    samples = data_samples or []

    def metas() -> list[dict]:
        return [sample.metainfo for sample in samples]

    def anchors() -> list[Tensor]:
        return anchors_of(student, samples[0].batch_input_shape, device)

    return Context(
        dict(
            batch_data_samples=lambda: samples,
            batch_img_metas=metas,
            anchors=anchors,
            strides=lambda: strides_of(student),
            progress=lambda: progress,
            teachers=lambda: teachers or {}))
