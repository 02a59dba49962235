"""What a loss may ask for beside features."""
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmxkd.errors import ConfigError


def find_head(model: nn.Module) -> nn.Module | None:
    """The dense head of a detector: what has a prior generator."""
    for module in model.modules():
        if getattr(module, 'prior_generator', None) is not None:
            return module
    return None


def find_prior_generator(model: nn.Module) -> Any:
    """The prior generator of a detector's dense head.

    Raises:
        ConfigError: No part of the model has one.
    """
    head = find_head(model)
    if head is None:
        raise ConfigError("it asks for 'anchors' or 'strides', but no head "
                          f'of {type(model).__name__} has a prior_generator')
    return head.prior_generator


def strides_of(student: nn.Module) -> list[tuple[int, int]]:
    """Stride (x, y) in pixels of each level of the dense head."""
    return [tuple(s) if isinstance(s, (list, tuple)) else (s, s)
            for s in find_prior_generator(student).strides]


def watch_grid(student: nn.Module) -> None:
    """Let a dense head, if there is one, remember the sizes of its maps.

    Strides alone do not tell them: SSD's last levels and HRNet's pyramid
    round down, most others round up.
    """
    head = find_head(student)
    if head is not None:
        head.register_forward_pre_hook(_note_grid)


def _note_grid(head: nn.Module, args: tuple) -> None:
    maps = args[0] if args else None
    if isinstance(maps, (list, tuple)):
        head.mmxkd_grid_sizes = [tuple(m.shape[-2:]) for m in maps]


def grid_sizes_of(student: nn.Module, batch_input_shape: tuple[int, int]
                  ) -> list[tuple[int, int]]:
    """H, W of each level of the dense head.

    Args:
        student (nn.Module): The detector. Where it is watched
            (:func:`watch_grid`), its last forward pass tells.
        batch_input_shape (tuple[int, int]): Height and width of the padded
            input: divided by the strides and rounded up otherwise.

    Raises:
        ConfigError: No part of the model has a prior generator.
    """
    strides = strides_of(student)
    seen = getattr(find_head(student), 'mmxkd_grid_sizes', None)
    if seen is not None and len(seen) == len(strides):
        return seen
    height, width = batch_input_shape
    return [(math.ceil(height / y), math.ceil(width / x))
            for x, y in strides]


def anchors_of(student: nn.Module, sizes: Sequence[tuple[int, int]],
               device: torch.device) -> list[Tensor]:
    """Anchors of each level, (H·W·A, 4) xyxy in pixels of the input.

    Args:
        student (nn.Module): The detector.
        sizes (list[tuple[int, int]]): H, W of each level.
        device (torch.device): Where they shall be.

    Raises:
        ConfigError: The detector has none, or points instead.
    """
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

    def grid_sizes() -> list[tuple[int, int]]:
        return grid_sizes_of(student, samples[0].batch_input_shape)

    return Context(
        dict(
            batch_data_samples=lambda: samples,
            batch_img_metas=metas,
            anchors=lambda: anchors_of(student, grid_sizes(), device),
            grid_sizes=grid_sizes,
            strides=lambda: strides_of(student),
            progress=lambda: progress,
            teachers=lambda: teachers or {}))
