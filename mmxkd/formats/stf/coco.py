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
    factor = np.tile(scale, 2)
    offset = np.tile(shift, 2)
    limit = np.tile(size, 2)
    moved = []
    for label in labels:
        box = np.clip(np.array(label.box) * factor + offset, 0, limit)
        if box[2] > box[0] and box[3] > box[1]:
            moved.append(label.with_box(np.round(box, 4)))
    return moved


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
