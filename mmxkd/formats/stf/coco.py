"""COCO annotations from label files."""
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .labels import StfLabel


@dataclass(frozen=True)
class LabelledFrame:
    """A frame as the annotation file needs it.

    Attributes:
        frame_id: Id.
        size: Width and height, pixels.
        weather: E.g. ``'dense_fog'``.
        daytime: ``'day'`` or ``'night'``.
        labels: Boxes in the frame of the training images.
    """

    frame_id: str
    size: tuple[int, int]
    weather: str
    daytime: str
    labels: Sequence[StfLabel]


# Why a label is left out, or changed.
REVERSED = 'ends before it begins (x2 < x1 or y2 < y1)'
NO_AREA = 'has no area (x2 = x1 or y2 = y1)'
OTHER_CAMERA = 'begins beyond the picture; is it of the other camera?'
OUTSIDE = 'lies outside of the frame of the training images'
CUT = 'reaches beyond the picture (kept, and cut at its border)'
# Share of a picture's side: labels are drawn a few pixels beyond.
_BEYOND = .05


def move_labels(labels: Sequence[StfLabel], scale: tuple[float, float],
                shift: tuple[float, float],
                size: tuple[int, int]) -> list[StfLabel]:
    """Bring label boxes into the frame of the training images.

    Boxes are scaled, shifted and clipped; those without area are dropped.

    Args:
        labels (Sequence[StfLabel]): Boxes in pixels of their camera.
        scale (tuple[float, float]): Factors of x and y.
        shift (tuple[float, float]): Added afterwards, pixels.
        size (tuple[int, int]): Width and height to clip to.
    """
    return sort_labels(labels, scale, shift, size)[0]


def sort_labels(
    labels: Sequence[StfLabel], scale: tuple[float, float],
    shift: tuple[float, float], size: tuple[int, int],
    camera_size: tuple[float, float] | None = None
) -> tuple[list[StfLabel], list[tuple[str, str]]]:
    """As :func:`move_labels`, and what became of the others.

    Args:
        labels, scale, shift, size: Of :func:`move_labels`.
        camera_size (tuple[float, float], optional): Width and height of the
            picture that the labels belong to, in their pixels.

    Returns:
        tuple: The moved labels; class and reason of each label that is left
        out or cut.
    """
    factor, offset = np.tile(scale, 2), np.tile(shift, 2)
    limit = np.tile(size, 2)
    moved, told = [], []
    for label in labels:
        box = np.round(
            np.clip(np.array(label.box) * factor + offset, 0, limit), 4)
        kept = bool(box[2] > box[0] and box[3] > box[1])
        if kept:
            moved.append(label.with_box(box))
        why = _why(label, kept, camera_size)
        if why is not None:
            told.append((label.base_name, why))
    return moved, told


def _why(label: StfLabel, kept: bool,
         camera_size: tuple[float, float] | None) -> str | None:
    x1, y1, x2, y2 = label.box
    width, height = camera_size or (np.inf, np.inf)
    if kept:
        beyond = max(-x1 / width, -y1 / height, x2 / width - 1,
                     y2 / height - 1)
        return CUT if beyond > _BEYOND else None
    if x2 < x1 or y2 < y1:
        return REVERSED
    if x2 == x1 or y2 == y1:
        return NO_AREA
    if x1 >= width or y1 >= height or x2 <= 0 or y2 <= 0:
        return OTHER_CAMERA
    return OUTSIDE


def coco_annotations(frames: Sequence[LabelledFrame], classes: Sequence[str],
                     group_as_crowd: bool = False) -> dict[str, Any]:
    """The content of a COCO annotation file.

    Args:
        frames (Sequence[LabelledFrame]): In the order of their image ids,
            which start at 1. Frames without objects are kept.
        classes (Sequence[str]): Label classes that become categories 1, 2, …;
            their groups (``…_is_group``) belong to the same category.
        group_as_crowd (bool): Mark groups as ``iscrowd``: neither a miss nor
            a false alarm counts there. By default they are ordinary objects.
    """
    category = {name: k for k, name in enumerate(classes, start=1)}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, frame in enumerate(frames, start=1):
        images.append({
            'id': image_id,
            'file_name': f'images/{frame.frame_id}.png',
            'width': frame.size[0],
            'height': frame.size[1],
            'frame_id': frame.frame_id,
            'weather': frame.weather,
            'daytime': frame.daytime,
        })
        for label in frame.labels:
            if label.base_name not in category:
                continue
            x1, y1, x2, y2 = label.box
            width, height = x2 - x1, y2 - y1
            annotations.append({
                'id': len(annotations) + 1,
                'image_id': image_id,
                'category_id': category[label.base_name],
                'bbox': [round(v, 4) for v in (x1, y1, width, height)],
                'area': round(width * height, 4),
                'iscrowd': int(group_as_crowd and label.is_group),
                'occluded': label.occluded,
                'truncated': label.truncated,
            })
    return {
        'images': images,
        'annotations': annotations,
        'categories': [{'id': k, 'name': name.lower()}
                       for name, k in category.items()],
    }
