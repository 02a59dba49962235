"""Whether a pipeline shows a teacher one frame twice in the same way."""
import copy
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from mmengine.dataset import pseudo_collate

from mmxkd.engine.bare_model import bare_model
from mmxkd.errors import ConfigError

from .seen_frames import Seen, seen_frames, why_not

#: How often one frame is loaded: a flip of one half is seen almost surely.
DRAWS = 8


def directions(dataset: Any, teacher: Any, see: Callable[[dict], dict]) -> int:
    """In how many ways a frame is flipped; other random changes are refused.

    The first frame is loaded :data:`DRAWS` times. What changes more rarely
    is noticed by the cache itself.

    Args:
        dataset: Of the training.
        teacher (Teacher): A teacher with a cache.
        see (callable): Gives the teacher's view of a batch.

    Raises:
        ConfigError: The teacher sees the frame in different ways; it names
            the first transform that draws, and the ways out.
    """
    found: dict[str, Seen] = {}
    with same_random_numbers():
        for _ in range(DRAWS):
            view = see(pseudo_collate([dataset[0]]))
            (name, ), (now, ) = seen_frames(view, teacher.name)
            before = found.setdefault(name, now)
            if now != before:
                reason = why_not(teacher.name, name, before.as_json(), now,
                                 drawn=True)
                first = _first_random(dataset, teacher)
                raise ConfigError(
                    reason + (f'. The first transform that draws is {first}' if
                              first else ''))
    return len(found)


def _first_random(dataset: Any, teacher: Any) -> str:
    """The first transform whose result for the teacher is drawn.

    Empty where the data set does not say what its transforms are.
    """
    transforms = getattr(getattr(dataset, 'pipeline', None), 'transforms', ())
    if not transforms or not hasattr(dataset, 'get_data_info'):
        return ''
    preprocessor = teacher.model.data_preprocessor
    keys = [teacher.inputs] if teacher.inputs else list(
        getattr(preprocessor, 'modalities', ('img', )))
    results = dataset.get_data_info(0)
    for transform in transforms:
        shown: dict[Any, Any] = {}
        for _ in range(DRAWS):
            after = transform(copy.deepcopy(results))
            flip = (after.get('flip'), after.get('flip_direction'))
            before = shown.setdefault(flip, after)
            if any(not _equal(before.get(k), after.get(k)) for k in keys):
                return type(transform).__name__
        # A flip that is drawn is allowed; go on from one that was not, if
        # there is one.
        results = shown.get((False, None), before)
    return ''


def _equal(a: Any, b: Any) -> bool:
    return np.array_equal(a, b) if isinstance(a, np.ndarray) else True


def views_of(model: Any, teacher: str) -> Callable[[dict], dict]:
    """A function that gives a teacher's view of a collated batch."""
    model = bare_model(model)
    preprocessor = model.data_preprocessor

    @torch.no_grad()
    def see(batch: dict) -> dict:
        return preprocessor.view(teacher, preprocessor.cast_data(batch))

    return see


@contextmanager
def same_random_numbers() -> Iterator[None]:
    """Leave Python's, numpy's and torch's generators as they were."""
    own, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        try:
            yield
        finally:
            random.setstate(own)
            np.random.set_state(numpy)


def cached_teachers(model: Any) -> Mapping[str, Any]:
    """Teachers of a model that have a cache, by name; empty without."""
    model = bare_model(model)
    teachers = getattr(model, 'teachers', None)
    if not isinstance(teachers, Mapping):
        return {}
    return {
        name: teacher for name, teacher in teachers.items()
        if getattr(teacher, 'cache', None) is not None
    }
