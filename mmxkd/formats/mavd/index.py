"""The index of a split: COCO's form, with the files of every modality."""
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

import numpy as np

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.coco_check import check_coco

from .layout import FrameId, parse_id, sound_path

CLASSES = ('car', )


@dataclass(frozen=True)
class IndexedFrame:
    """A frame whose files were found good.

    Attributes:
        frame: Its id.
        pictures: Path of each camera's picture relative to the root; None
            where a frame has none.
        width: Of the colour picture, pixels.
        height: Of the colour picture, pixels.
        columns: Those of it that are the frame of boxes and models.
        thermal_bits: Of the thermal picture.
    """

    frame: FrameId
    pictures: Mapping[str, str | None]
    width: int
    height: int
    columns: tuple[int, int]
    thermal_bits: int | None


def index_content(frames: Sequence[IndexedFrame]) -> dict[str, Any]:
    """The index of some frames, without labels.

    ``width`` and ``height`` are those of the frame of boxes: the ``columns``
    of a picture that is ``picture_width`` wide. It has no ``annotations``:
    it is a list of unlabelled frames, not of empty ones.
    """
    images = [{
        'id': number,
        'file_name': frame.pictures['rgb'],
        'width': frame.columns[1] - frame.columns[0],
        'height': frame.height,
        'frame_id': str(frame.frame),
        'drive': frame.frame.drive,
        'lighting': frame.frame.lighting,
        'time': frame.frame.time,
        'columns': list(frame.columns),
        'picture_width': frame.width,
        'sound_file': sound_path(frame.frame),
        'thermal_file': frame.pictures['thermal'],
        'thermal_bits': frame.thermal_bits,
        'depth_file': frame.pictures['depth'],
    } for number, frame in enumerate(frames, start=1)]
    return {
        'images': images,
        'categories': [{'id': k, 'name': name}
                       for k, name in enumerate(CLASSES, start=1)],
    }


def with_truth(index: Mapping[str, Any], truth: Any,
               path: str | PathLike) -> tuple[dict[str, Any], int]:
    """The boxes that a synthetic drive knows, in the frames of an index.

    Args:
        index (Mapping): Of :func:`index_content`.
        truth: The content of ``truth.json``: see :mod:`.layout`.
        path (str | PathLike): That file, for the error message.

    Returns:
        tuple: The index with ``annotations`` and the categories of the
        truth; how many boxes lie outside of the frame and are left out.

    Raises:
        ConfigError: A frame of the index is not in the truth.
        CorruptSampleError: The truth is not a COCO file; or an image of it
            has no ``frame_id``, that of another one, or another size than
            the colour picture.
    """
    check_coco(truth, path)
    boxes = _by_frame(truth, path)
    sizes = {
        image['frame_id']: (image['width'], image['height'])
        for image in truth['images']
    }
    annotations: list[dict[str, Any]] = []
    outside = 0
    for image in index['images']:
        if image['frame_id'] not in boxes:
            raise ConfigError(f'{path}: has no frame {image["frame_id"]!r}')
        found = image['picture_width'], image['height']
        if sizes[image['frame_id']] != found:
            expected = sizes[image['frame_id']]
            raise CorruptSampleError(
                path, 'truth', f'{image["frame_id"]}: boxes are for '
                f'{expected[0]}x{expected[1]} pixels, but the colour picture '
                f'has {found[0]}x{found[1]}')
        for known in boxes[image['frame_id']]:
            box = _into_frame(known['bbox'], image)
            if box is None:
                outside += 1
                continue
            annotations.append({
                **known, 'id': len(annotations) + 1, 'image_id': image['id'],
                'bbox': box, 'area': round(box[2] * box[3], 4),
                'iscrowd': known.get('iscrowd', 0)
            })
    return {
        **index, 'annotations': annotations, 'categories': truth['categories']
    }, outside


def frame_ids(truth: Mapping[str, Any],
              path: str | PathLike) -> dict[Any, str]:
    """The frame, ``DRIVE/STAMP``, of each image of a truth, by the image's id.

    Raises:
        CorruptSampleError: An image has no ``frame_id``, or that of another
            one; names file and entry.
    """
    ids: dict[Any, str] = {}
    seen: dict[str, int] = {}
    for number, image in enumerate(truth['images']):
        name = image.get('frame_id')
        if not isinstance(name, str):
            raise CorruptSampleError(path, 'truth',
                                     f'images[{number}] has no frame_id')
        parse_id(name, path, f'images[{number}]')
        if name in seen:
            raise CorruptSampleError(
                path, 'truth', f'images[{number}] has the frame_id {name!r} '
                f'of images[{seen[name]}]')
        ids[image['id']], seen[name] = name, number
    return ids


def _by_frame(truth: Mapping[str, Any],
              path: str | PathLike) -> dict[str, list[dict[str, Any]]]:
    ids = frame_ids(truth, path)
    boxes: dict[str, list[dict[str,
                               Any]]] = {name: [] for name in ids.values()}
    for annotation in truth['annotations']:
        boxes[ids[annotation['image_id']]].append(annotation)
    return boxes


def _into_frame(box: Iterable[float],
                image: Mapping[str, Any]) -> list[float] | None:
    """x, y, width and height in the frame, cut at its border."""
    x, y, width, height = box
    left = image['columns'][0]
    corners = np.array([x - left, y, x + width - left, y + height])
    x1, y1, x2, y2 = np.clip(corners, 0,
                             [image['width'], image['height']] * 2).tolist()
    if x2 <= x1 or y2 <= y1:
        return None
    return [round(v, 4) for v in (x1, y1, x2 - x1, y2 - y1)]
