"""Who labelled a frame: the words for it, and choices by it.

Two keys of a sample's meta information say it:

* ``label_source`` (str): ``'human'``, or the name of a teacher. A file of
  labels that a teacher wrote does not know that name; its frames say
  ``'teacher'``.
* ``labelled`` (bool): False where no human has labelled the frame.

A sample without either is labelled by a human. One with ``labelled=False``
and no ``label_source`` has no labels at all.
"""
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from torch import Tensor

from mmxkd.errors import ConfigError, check_known
from mmxkd.recording.recorders import map_tensors, tensors_in

SOURCE, LABELLED = 'label_source', 'labelled'
HUMAN, TEACHER, UNLABELLED = 'human', 'teacher', 'unlabelled'
#: What frames are chosen by, beside the names of teachers.
KINDS = (HUMAN, TEACHER, UNLABELLED)


def source_of(sample: Any) -> str:
    """``'human'``, the name of a teacher, or ``'unlabelled'``."""
    meta = sample.metainfo
    by_default = HUMAN if meta.get(LABELLED, True) else UNLABELLED
    return meta.get(SOURCE) or by_default


def is_of(sample: Any, kind: str) -> bool:
    """Whether a frame is of a kind.

    Args:
        sample: A data sample.
        kind (str): ``'human'``; ``'teacher'``, which means any of them;
            ``'unlabelled'``, where no human has labelled it, although a
            teacher may have; or the name of a teacher.
    """
    source = source_of(sample)
    if kind == UNLABELLED:
        return source == UNLABELLED or not sample.metainfo.get(LABELLED, True)
    return source == kind or (kind == TEACHER
                              and source not in (HUMAN, UNLABELLED))


def frames_of(samples: Iterable[Any], kind: str | None) -> list[int]:
    """Positions of the frames of a kind, see :func:`is_of`; None: of all."""
    return [
        i for i, sample in enumerate(samples)
        if kind is None or is_of(sample, kind)
    ]


def check_kind(key: str, kind: str | None,
               teachers: Collection[str] = ()) -> None:
    """Raise where something is not a kind of frame, nor None.

    Raises:
        ConfigError: It offers the nearest ones.
    """
    if kind is not None:
        check_known(key, kind, (*KINDS, *teachers))


def check_labelled(samples: Iterable[Any], key: str, advice: str) -> None:
    """Raise where a frame has no labels at all.

    To a detector, a frame without boxes is a frame of background.

    Args:
        samples (list): The data samples.
        key (str): What learns from them, for the message.
        advice (str): What to do, for the message.

    Raises:
        ConfigError: It names the first one.
    """
    for sample in samples:
        if source_of(sample) == UNLABELLED:
            raise ConfigError(
                f'{key}: nobody has labelled '
                f'{sample.metainfo.get("img_path")} ({LABELLED}=False), and '
                f'without boxes it would count as background; {advice}')


def pick_frames(value: Any, frames: Sequence[int], count: int,
                where: str) -> Any:
    """The part of a record that is of some frames of the batch.

    Args:
        value: Tensors in nested lists, tuples and dicts, of whose first axis
            each has one entry per frame.
        frames (list[int]): Positions of the frames.
        count (int): Number of frames in the batch.
        where (str): Who reads what, for the message.

    Raises:
        ConfigError: The first axis of a tensor has another length.
    """
    for tensor in tensors_in(value):
        if tensor.dim() == 0 or len(tensor) != count:
            raise ConfigError(
                f'{where} gave a tensor of shape {tuple(tensor.shape)} for a '
                f'batch of {count} frames: it cannot be told which part is of '
                'which frame, so the loss cannot be restricted to some')

    def pick(tensor: Tensor) -> Tensor:
        return tensor[list(frames)]

    return map_tensors(pick, value)
