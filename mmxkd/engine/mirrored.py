"""A test pipeline that mirrors what it reads."""
from collections.abc import Sequence
from copy import deepcopy
from typing import Any, NamedTuple

from mmxkd.errors import ConfigError

#: What packs a picture, and the flip that goes with it: where there may be
#: other modalities, they are mirrored, too.
FLIPS = {
    'PackDetInputs': 'RandomFlip', 'PackMultiModalInputs': 'mmxkd.RandomFlip'
}


class Parts(NamedTuple):
    """A pipeline, cut before its last step.

    Attributes:
        loading: All steps but the last; copies.
        packing: The last one; a copy.
        flip: Type of the transform that mirrors what this one packs.
    """

    loading: list[dict[str, Any]]
    packing: dict[str, Any]
    flip: str


def cut(pipeline: Sequence[dict[str, Any]], where: str, way_out: str) -> Parts:
    """Cut a pipeline where its samples can be mirrored.

    Args:
        pipeline (list[dict]): It.
        where (str): Who asks, for an error.
        way_out (str): What can be done about that.

    Raises:
        ConfigError: It does not end in packing inputs.
    """
    *loading, packing = deepcopy(list(pipeline)) or [{}]
    name = str(packing.get('type', '')).split('.')[-1]
    if name not in FLIPS:
        raise ConfigError(f'{where}: the test pipeline ends in '
                          f'{name or "nothing"!r}, not in '
                          f'{" or ".join(FLIPS)}: {way_out}')
    return Parts(loading, packing, FLIPS[name])


def mirrored(pipeline: Sequence[dict[str, Any]], where: str,
             way_out: str) -> list[dict[str, Any]]:
    """The pipeline with a horizontal flip before its end.

    A border that a step ``Pad`` adds on the right stays on the right: boxes
    count from the picture's own side.

    Args:
        pipeline, where, way_out: See :func:`cut`.

    Raises:
        ConfigError: It does not end in packing inputs.
    """
    parts = cut(pipeline, where, way_out)
    pads = [
        index for index, step in enumerate(parts.loading)
        if str(step.get('type', '')).split('.')[-1] == 'Pad'
    ]
    place = min(pads, default=len(parts.loading))
    return [
        *parts.loading[:place],
        dict(type=parts.flip, prob=1.),
        *parts.loading[place:],
        parts.packing,
    ]
