"""Whether a COCO annotation file can be trained on, entry by entry."""
import math
import os
from collections.abc import Sequence
from typing import Any

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.io.paths import checked_path

from .pseudo_labels import check_scores

_LISTS = ('images', 'annotations', 'categories')


def check_coco(content: Any, path: str | os.PathLike) -> None:
    """Refuse what readers of COCO files pass over, or die of without a name.

    ``pycocotools`` takes a file without annotations for one without objects,
    skips boxes of unknown pictures, and lets the last of two equal ids win.

    Args:
        content: What the JSON holds.
        path (str | PathLike): The file, for the error message.

    Raises:
        ConfigError: There is no frame in the file.
        CorruptSampleError: A list is missing, an id stands twice or is
            unknown, a name leads out of the folder, a box is not four
            finite numbers with an area, or a label of a teacher has no
            score; names file and entry.
    """
    for name in _LISTS:
        entries = content.get(name) if isinstance(content, dict) else None
        if not isinstance(entries, list):
            _refuse(
                path, f'expected a COCO file with the lists {_LISTS}, '
                f'found no list {name!r}')
        for number, entry in enumerate(entries or ()):
            if not isinstance(entry, dict):
                _refuse(
                    path, f'{name}[{number}] is {entry!r:.40}, expected '
                    'an entry')
    if not content['images']:
        raise ConfigError(
            f'{path}: has no frame; was it made of an empty split '
            'list?')
    categories = _ids(content['categories'], 'categories', path)
    names = [category.get('name') for category in content['categories']]
    if not all(isinstance(name, str)
               for name in names) or len(set(names)) < len(names):
        _refuse(
            path, f'the categories have the names {names!r:.200}, '
            'expected each once')
    images = _ids(content['images'], 'images', path)
    _ids(content['annotations'], 'annotations', path)
    for number, image in enumerate(content['images']):
        where = f'images[{number}]'
        checked_path(image.get('file_name'), path, 'annotations',
                     f'{where}.file_name')
        for key in ('width', 'height'):
            size = image.get(key)
            if type(size) is not int or size < 1:
                _refuse(
                    path, f'{where}.{key} is {size!r:.40}, expected '
                    'pixels above 0')
    for number, annotation in enumerate(content['annotations']):
        where = f'annotations[{number}] (id {annotation["id"]})'
        _check_object(annotation, where, images, categories, path)
    check_scores(content, path)


def _check_object(annotation: dict[str, Any], where: str, images: set,
                  categories: set, path: str | os.PathLike) -> None:
    for key, known in (('image_id', images), ('category_id', categories)):
        found = annotation.get(key)
        if type(found) not in (int, str) or found not in known:
            _refuse(path, f'{where}: no {key} {found!r:.40} in the file')
    box: Any = annotation.get('bbox')
    if not _are_numbers(box, 4) or min(box[2:]) <= 0:
        _refuse(
            path, f'{where}: bbox is {box!r:.80}, expected x, y and a '
            'width and height above 0')
    area = annotation.get('area')
    if not _are_numbers([area], 1):
        _refuse(path, f'{where}: area is {area!r:.40}, expected a number')


def _are_numbers(values: Any, count: int) -> bool:
    return (isinstance(values, Sequence) and len(values) == count and all(
        type(value) in (int, float) and math.isfinite(value)
        for value in values))


def _ids(entries: list[dict], name: str, path: str | os.PathLike) -> set:
    found: dict[Any, int] = {}
    for number, entry in enumerate(entries):
        key = entry.get('id')
        if type(key) not in (int, str):
            _refuse(
                path, f'{name}[{number}].id is {key!r:.40}, expected a '
                'number')
        if key in found:
            _refuse(
                path, f'{name}[{number}] has the id {key} of '
                f'{name}[{found[key]}]')
        found[key] = number
    return set(found)


def _refuse(path: str | os.PathLike, reason: str) -> None:
    raise CorruptSampleError(path, 'annotations', reason)
