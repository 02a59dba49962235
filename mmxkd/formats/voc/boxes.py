"""Which boxes of an annotation are used, and in which coordinates."""
from collections.abc import Sequence

from .annotations import VocObject

DROPPED = 'has no width or height (x1 >= x2 or y1 >= y2): left out'
OUTSIDE = 'lies outside of the picture: left out'
CLIPPED = 'reaches beyond the picture: cut at its border'
BEYOND = 'reaches beyond the picture: kept as it is'


def pixel_boxes(
    objects: Sequence[VocObject], size: tuple[int, int], clip: bool = False
) -> tuple[list[tuple[VocObject, tuple[float, ...]]], list[tuple[str, str]]]:
    """Boxes counted from 0, without those that are none.

    Args:
        objects (Sequence[VocObject]): Of a picture.
        size (tuple[int, int]): Its width and height, pixels.
        clip (bool): Cut boxes at the border: to 0..width - 1 and
            0..height - 1, the range of an annotation counted from 1.

    Returns:
        tuple: The objects that are left, each with x1, y1, x2, y2; and class
        and reason of what was left out, cut, or looks wrong.

    Examples:
        >>> pixel_boxes([VocObject('cat', (1, 1, 9, 4))], (8, 4), clip=True)
        ([(VocObject(name='cat', box=(1, 1, 9, 4), difficult=False, \
truncated=False, pose='Unspecified', line=0), (0, 0, 7, 3))], \
[('cat', 'reaches beyond the picture: cut at its border')])
    """
    last = (size[0] - 1, size[1] - 1) * 2
    kept, told = [], []
    for thing in objects:
        box = tuple(side - 1 for side in thing.box)
        if box[0] >= box[2] or box[1] >= box[3]:
            told.append((thing.name, DROPPED))
            continue
        inside = tuple(
            min(max(side, 0), end)
            for side, end in zip(box, last, strict=True))
        if inside[0] >= inside[2] or inside[1] >= inside[3]:
            told.append((thing.name, OUTSIDE))
            continue
        if inside != box:
            told.append((thing.name, CLIPPED if clip else BEYOND))
        kept.append((thing, inside if clip else box))
    return kept, told
