"""Whether levels of student and teacher look at pictures at one scale."""
from collections.abc import Sequence

from torch import Tensor


def size_of(level: Tensor) -> str:
    """``'16×24'``, height and width of a map; its shape if it is not one."""
    sides = level.shape[-2:] if level.dim() == 4 else level.shape
    return '×'.join(map(str, sides))


def stride_hint(student: Sequence[Tensor], teacher: Sequence[Tensor]) -> str:
    """What to know of paired levels of other strides.

    Both sides have seen pictures of one size, so that maps of another size
    have another stride. One cell more or less is rounding.

    Args:
        student, teacher (list[Tensor]): As many levels on both sides.

    Returns:
        str: Part of a message with the ranges that would match, or that the
        order is the other way round; empty where all levels match.
    """
    if any(level.dim() != 4 for level in (*student, *teacher)):
        return ''
    own, other = ([tuple(level.shape[-2:]) for level in levels]
                  for levels in (student, teacher))
    if all(map(_match, own, other)):
        return ''
    if len(own) > 1 and all(map(_match, own, reversed(other))):
        return ('the levels of one side run from fine to coarse, those of the '
                'other from coarse to fine; list the layers in one order')
    for shift in range(1, len(own)):
        for first, second, names in ((own, other, ('student', 'teacher')),
                                     (other, own, ('teacher', 'student'))):
            if all(map(_match, first[shift:], second[:-shift])):
                return (f'they match from level {shift} of the {names[0]} '
                        f'on: take [{shift}:] of its levels and [:-{shift}] '
                        f"of the {names[1]}'s, or other layers")
    return 'no range of them matches; take layers of equal stride'


def _match(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Equal but for the rounding of one cell, which counts on large maps."""
    return all(
        abs(a - b) <= (1 if min(a, b) > 2 else 0)
        for a, b in zip(one, other, strict=True))
