"""A sample whose modalities came apart is noticed, whoever moved them.

mmdet's own transforms move ``img`` and the boxes, and know nothing of
``gated`` or ``depth``. The sample does not tell afterwards: a shift or a
rotation leaves every size as it was. So the calls are watched. A sample
remembers the arrays of its modalities. A transform that keeps them in one
frame may exchange them; any other that does is noted, and
the packing transform refuses the sample. Nothing else is refused: a model
that sees ``img`` alone may use any transform.

Two kinds of transforms keep the modalities in one frame: those that derive
from :class:`MovesTogether`, as all of this package do, and those that leave
each pixel in its place (:mod:`.stock` knows mmdet's, and
:func:`keeps_pixels_in_place` adds yours).
"""
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import wraps
from inspect import isfunction
from types import FrameType
from typing import Any, TypeVar

import numpy as np
from mmcv.transforms import BaseTransform

from mmxkd.modalities import MODALITIES, spatial

from . import stock

#: The key of a sample that holds its :class:`Alignment`.
KEY = 'mmxkd_alignment'
T = TypeVar('T', bound=type)
_stays: set[type] = set(stock.STAYS)
_movers: dict[type, str] = dict(stock.MOVERS)
_audible: set[type] = set(stock.AUDIBLE)


class MovesTogether:
    """Base of transforms that move all spatial modalities and the boxes alike.

    Who derives from it says so. Give it as the first base::

        class Zoom(MovesTogether, BaseTransform): …
    """


def keeps_pixels_in_place(transform: T) -> T:
    """Declare that a transform changes values, and moves no pixel.

    For your own or a foreign class that changes colours or adds noise, to
    ``img`` or to any other modality. Write it where ``custom_imports`` finds
    it, so that the workers of a data loader know it too.

    Args:
        transform (type): The class. It counts without its subclasses, which
            may do more.

    Returns:
        type: The same, so that it can be a decorator.
    """
    _stays.add(transform)
    return transform


def moves_img_alone(transform: type, twin: str = '',
                    audible: bool = False) -> None:
    """Declare that a foreign transform moves ``img`` and leaves the others.

    Samples are then refused whether or not it was drawn.

    Args:
        transform (type): The class. It counts without its subclasses.
        twin (str): What to write in its place; empty: there is nothing.
        audible (bool): Whether it may exchange left and right.
    """
    _movers[transform] = twin
    if audible:
        _audible.add(transform)


@dataclass(frozen=True)
class Fault:
    """Why a modality no longer fits the others.

    Attributes:
        modality (str): The one that was moved, or loaded, apart from others.
        text (str): Who did that, and what to do instead.
        audible (bool): Whether sounds do not fit either, because left and
            right may be exchanged, or scenes put together.
    """

    modality: str
    text: str
    audible: bool = False

    def concerns(self, key: str) -> bool:
        """Whether a modality does not fit ``img`` and the boxes any more."""
        known = MODALITIES.get(key)
        if known is not None and not known.spatial:
            return self.audible
        return key != 'img' and self.modality in ('img', key)


@dataclass(frozen=True)
class Alignment:
    """What a sample remembers. Never changed, so that copies may share it.

    Attributes:
        seen (dict): The array of each spatial modality, and some of its rows,
            after the last transform.
        faults (tuple[Fault]): What came apart, and by whom.
        moved_by (str): Who moved the modalities together; empty: nobody.
    """

    seen: dict[str, tuple[np.ndarray, bytes]] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    moved_by: str = ''

    def changed(self, now: dict[str, tuple[np.ndarray, bytes]]) -> list[str]:
        """The modalities that are not what was seen of them."""
        return [
            key for key, (array, rows) in now.items() if key in self.seen and (
                self.seen[key][0] is not array or self.seen[key][1] != rows)
        ]

    def apart(self, key: str) -> Fault | None:
        """The first reason why a modality does not fit, if there is one."""
        return next((f for f in self.faults if f.concerns(key)), None)


def alignment_of(sample: dict) -> Alignment:
    """What a sample remembers; nothing, where nobody watched it."""
    return sample.get(KEY) or Alignment()


def inherit_faults(sample: dict, others: Iterable[dict]) -> None:
    """Note what came apart in samples of which this one is made."""
    mine = alignment_of(sample)
    faults = [f for other in others for f in alignment_of(other).faults]
    # The same pipeline loaded all of them: each fault once.
    sample[KEY] = replace(mine,
                          faults=tuple(dict.fromkeys((*mine.faults, *faults))))


def _look(sample: dict) -> dict[str, tuple[np.ndarray, bytes]]:
    """The spatial modalities of a sample; none after packing."""
    return {
        modality.name: (sample[modality.name], _rows(sample[modality.name]))
        for modality in spatial(sample)
        if isinstance(sample[modality.name], np.ndarray)
    }


def _rows(array: np.ndarray) -> bytes:
    """Three rows: whether somebody wrote into the array."""
    height = len(array)
    # Each by itself is copied in one piece, ten times as fast.
    return b''.join([
        array[i].tobytes()
        for i in range(height // 6, height, max(height // 3, 1))
    ])


def _name(transform: object) -> str:
    kind = transform if isfunction(transform) else type(transform)
    return f'{kind.__module__.partition(".")[0]}.{kind.__name__}'


def _before(transform: BaseTransform, sample: dict,
            caller: FrameType) -> Alignment:
    """What a sample remembers when a transform gets it.

    A pipeline may hold functions and classes that are not mmcv's, and are
    not watched. They are responsible for what has changed since.
    """
    memory, now = alignment_of(sample), _look(sample)
    changed = memory.changed(now)
    if not changed and now.keys() <= memory.seen.keys():
        return memory
    others = changed and _not_watched(transform, caller.f_locals.get('self'))
    return _remember(
        memory, now,
        [_stranger(' or '.join(others), key) for key in changed if others])


def _not_watched(transform: BaseTransform, runner: object) -> list[str]:
    """What else ran in the pipeline that a transform is part of."""
    # The names that mmengine, mmcv and mmdet give to their lists.
    for steps in (getattr(runner, 'transforms',
                          ()), getattr(runner, 'pipeline', ())):
        if isinstance(steps, list) and transform in steps:
            return [
                _name(step) for step in steps[:steps.index(transform)]
                if not isinstance(step, BaseTransform)
            ]
    # Who calls transforms one by one may change a sample in between.
    return []


def _after(transform: BaseTransform, sample: dict,
           memory: Alignment) -> Alignment:
    """What a sample remembers after a transform."""
    kind, name, now = type(transform), _name(transform), _look(sample)
    changed = memory.changed(now)
    faults = []
    if kind in _movers:
        # Whether or not it was drawn: an error must not wait for a draw.
        faults.append(_mover(kind, name))
    elif isinstance(transform, MovesTogether):
        # What was written into in place did not move.
        if any(now[key][0] is not memory.seen[key][0] for key in changed):
            memory = replace(memory, moved_by=name)
    elif kind not in _stays:
        faults += [_stranger(name, key) for key in changed]
    return _remember(memory, now, faults)


def _remember(memory: Alignment, now: dict[str, tuple[np.ndarray, bytes]],
              faults: list[Fault]) -> Alignment:
    """The same with what is there now."""
    late = [
        Fault(
            key, f'{key!r} was loaded after {memory.moved_by} had moved the '
            'others; load all of them before')
        for key in now.keys() - memory.seen.keys() if memory.moved_by
    ]
    # A pipeline that goes over a sample twice says it once.
    return replace(
        memory, seen=now,
        faults=tuple(dict.fromkeys((*memory.faults, *faults, *late))))


def _mover(kind: type, name: str) -> Fault:
    twin = _movers[kind]
    return Fault(
        'img', f'{name} moves img and the boxes alone; ' +
        (f'write {twin} in its place' if twin else
         'no transform of this package does the same, leave it out'),
        audible=kind in _audible)


def _stranger(name: str, key: str) -> Fault:
    return Fault(
        key,
        f'{name} changed {key!r} and is not known to keep the '
        'modalities in one frame; if it moves no pixel, declare it with '
        'mmxkd.datasets.transforms.keeps_pixels_in_place, and if it moves '
        'all alike, derive it from MovesTogether',
        # It may have mirrored the scene.
        audible=key == 'img')


def watch(call: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A transform's ``__call__`` after which the sample remembers."""

    @wraps(call)
    def watched(self: BaseTransform, results: Any) -> Any:
        if not isinstance(results, dict):
            return call(self, results)
        memory = _before(self, results, sys._getframe(1))
        if memory.seen:
            results[KEY] = memory
        returned = call(self, results)
        if isinstance(returned, dict):
            # Some transforms return another dict without what they ignore.
            memory = _after(self, returned, returned.get(KEY, memory))
            # Nothing is left to watch in what was packed.
            if memory.seen:
                returned[KEY] = memory
        return returned

    return watched


#: mmcv's own, which does not watch.
PLAIN_CALL = BaseTransform.__call__
# Whoever runs a pipeline calls each of its transforms through this method.
# Nothing else sees mmdet's transforms: their classes know nothing of other
# modalities, and the sample is a plain dict.
BaseTransform.__call__ = watch(PLAIN_CALL)  # type: ignore[method-assign]
