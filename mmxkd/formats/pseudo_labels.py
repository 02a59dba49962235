"""COCO files of unlabelled frames, and of labels that a teacher wrote.

A file of *unlabelled frames* has ``images`` and no ``annotations``. So it is
not taken for a file of frames in which there is nothing.

A file of *pseudo labels* is an ordinary COCO file. Each annotation has a
``score``, and ``info.teacher`` says who wrote it.
"""
import json
import math
import os
from collections.abc import Iterable, Mapping
from typing import Any

from mmxkd.errors import ConfigError, CorruptSampleError

#: The key of a sample that has the names of who wrote its boxes.
WRITTEN_BY = 'boxes_written_by'


def teacher_of(content: Any) -> dict[str, Any] | None:
    """What a COCO file says of its teacher; None for labels of humans."""
    info = content.get('info') if isinstance(content, dict) else None
    teacher = info.get('teacher') if isinstance(info, dict) else None
    return teacher if isinstance(teacher, dict) else None


def teacher_names(content: Any) -> tuple[str, ...]:
    """The teachers that wrote a COCO file; none for labels of humans.

    Examples:
        >>> rgb = dict(name='rgb', fused_with=[dict(name='depth')])
        >>> teacher_names(dict(info=dict(teacher=rgb)))
        ('rgb', 'depth')
        >>> teacher_names(dict(images=[]))
        ()
    """
    first = teacher_of(content)
    if first is None:
        return ()
    others = first.get('fused_with') or []
    return tuple(
        str(t.get('name') or t.get('config') or 'without a name')
        for t in (first, *others) if isinstance(t, dict))


def check_scores(content: Mapping[str, Any], path: str | os.PathLike) -> None:
    """Refuse labels of a teacher of which one has no score.

    Args:
        content (Mapping): A COCO file, otherwise checked.
        path (str | PathLike): The file, for the error message.

    Raises:
        CorruptSampleError: A score is missing, not finite, or not between 0
            and 1; names the annotation.
    """
    if teacher_of(content) is None:
        return
    for number, annotation in enumerate(content['annotations']):
        score: Any = annotation.get('score')
        if type(score) not in (int, float) or not (math.isfinite(score)
                                                   and 0 <= score <= 1):
            raise CorruptSampleError(
                path, 'annotations',
                f'annotations[{number}] (id {annotation["id"]}): score is '
                f'{score!r:.40}, expected 0 to 1: these are labels of the '
                f'teacher {teacher_of(content)!r:.80}')


def check_listed_once(names: Iterable[str], path: str | os.PathLike) -> None:
    """Refuse a list in which a picture is listed twice.

    Raises:
        ConfigError: Names the picture and both entries.
    """
    first: dict[str, int] = {}
    for number, name in enumerate(names):
        if name in first:
            raise ConfigError(
                f'{path}: {name!r} is listed twice, as frames {first[name]} '
                f'and {number}; expected each frame once')
        first[name] = number


def format_coco(content: Mapping[str, Any]) -> str:
    """A COCO file as JSON text with one line per entry, keys sorted.

    Examples:
        >>> print(format_coco({'images': [{'id': 1}, {'id': 2}]}), end='')
        {
        "images": [
        {"id": 1},
        {"id": 2}
        ]
        }
    """
    parts = []
    for key, value in content.items():
        if isinstance(value, list) and value:
            lines = ',\n'.join(map(_line, value))
            parts.append(f'"{key}": [\n{lines}\n]')
        else:
            parts.append(f'"{key}": {_line(value)}')
    return '{\n' + ',\n'.join(parts) + '\n}\n'


def _line(value: Any) -> str:
    return json.dumps(value, sort_keys=True, allow_nan=False)
