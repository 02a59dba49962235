"""Whether two heads predict for the same priors, in the same code."""
from typing import Any

import torch

from .base import Head, require_equal


def describe_priors(generator: Any, size: int | None = None) -> str:
    """A short description of the priors of a head.

    Args:
        generator: Its prior generator.
        size (int, optional): Side of a square input, to count all its
            priors.

    Examples:
        >>> from types import SimpleNamespace
        >>> describe_priors(SimpleNamespace(
        ...     strides=[(8, 8), (16, 16)], num_base_priors=[4, 6]), 32)
        '2 levels, strides 8, 16, priors a cell 4, 6, 88 priors at 32×32'
    """
    strides = [
        s[0] if isinstance(s, (tuple, list)) else s for s in generator.strides
    ]
    counts = generator.num_base_priors
    text = (f'{len(strides)} levels, strides {_listed(strides)}, priors a '
            f'cell {_listed(counts)}')
    if size is None:
        return text
    total = sum((-(-size // s))**2 * count
                for s, count in zip(strides, counts, strict=True))
    return f'{text}, {total} priors at {size}×{size}'


def _listed(values: Any) -> str:
    return ', '.join(f'{value:g}' for value in values)


def check_priors(student: Any, teacher: Any) -> None:
    """Raise where the priors of two heads differ.

    Levels, strides, priors per cell, their sizes and ratios, their order,
    and where they lie.

    Args:
        student, teacher: Prior generators.

    Raises:
        ValueError: It describes both layouts.
    """
    # Only some generators of SSDs know the size of their inputs.
    size = (getattr(student, 'input_size', None)
            or getattr(teacher, 'input_size', None))
    own, other = (describe_priors(g, size) for g in (student, teacher))
    if own != other:
        raise ValueError('student and teacher predict for different priors, '
                         'so their predictions cannot be compared one by one. '
                         f'Student: {own}. Teacher: {other}')
    for level, (s, t) in enumerate(
            zip(student.base_anchors, teacher.base_anchors, strict=True)):
        if s.shape != t.shape or not torch.allclose(s, t, atol=1e-2):
            sizes = [
                '; '.join(f'{w:.4g}×{h:.4g}'
                          for w, h in (anchors[:, 2:]
                                       - anchors[:, :2]).tolist())
                for anchors in (s, t)
            ]
            raise ValueError(
                f'priors of level {level} differ in size, ratio or order '
                f'(width×height). Student: {sizes[0]}. Teacher: {sizes[1]}')
    if student is not teacher:
        _check_places(student, teacher, size)


def _check_places(student: Any, teacher: Any, size: int | None) -> None:
    """Raise where priors of equal sizes lie at other places, or are clamped.

    Generators may move centres, or clamp what is larger than the picture:
    the same deltas are then other boxes.
    """
    maps = [(4, 4) if size is None else tuple(-(-size // s)
                                              for s in reversed(_pair(stride)))
            for stride in student.strides]
    own, other = (generator.grid_priors(maps, device='cpu')
                  for generator in (student, teacher))
    for level, (s, t) in enumerate(zip(own, other, strict=True)):
        # Boxes of mmdet's type hold the tensor.
        s, t = (getattr(priors, 'tensor', priors) for priors in (s, t))
        # Some SSDs round their centres to a hundredth of a pixel.
        bad = ((s - t).abs() > 0.1).any(1).nonzero()
        if len(bad):
            index = int(bad[0])
            boxes = [[round(v, 1) for v in p[index].tolist()] for p in (s, t)]
            raise ValueError(
                f'priors of level {level} lie at other places, or one side '
                f'clamps them: prior {index} (x1, y1, x2, y2). Student: '
                f'{boxes[0]}. Teacher: {boxes[1]}. Give both heads the same '
                'anchor_generator')


def _pair(stride: Any) -> tuple:
    return stride if isinstance(stride, tuple) else (stride, stride)


def check_coders(student: Head, teacher: Head) -> None:
    """Raise where two heads encode boxes in different ways.

    Raises:
        ValueError: The codes differ, or are not deltas.
    """
    for side, head in (('student', student), ('teacher', teacher)):
        coder = getattr(head, 'bbox_coder', None)
        if not (hasattr(coder, 'means') and hasattr(coder, 'stds')):
            raise ValueError(f'{type(head).__name__} of the {side} encodes '
                             f'boxes with {type(coder).__name__}; expected '
                             'deltas to priors (DeltaXYWHBBoxCoder)')
    own, other = student.bbox_coder, teacher.bbox_coder
    require_equal(type(own).__name__, type(other).__name__, 'bbox_coder')
    for name in ('means', 'stds'):
        require_equal(tuple(getattr(own, name)), tuple(getattr(other, name)),
                      f'bbox_coder.target_{name}')
