"""True boxes and ids of drives: a COCO file, apart from all that trains."""
from collections.abc import Iterable
from typing import Any

from .annotate import TrueBox

CATEGORY = {'id': 1, 'name': 'car'}
# Ids of vehicles of all drives differ.
_VEHICLES = 1000


def drive_truth(ids: Iterable[str], boxes: Iterable[list[TrueBox]],
                size: tuple[int, int]) -> dict[str, Any]:
    """What is known of one drive.

    Args:
        ids (Iterable[str]): ``DRIVE/STAMP`` of each frame.
        boxes (Iterable[list[TrueBox]]): Of each frame.
        size (tuple[int, int]): Of the pictures, width and height.
    """
    return dict(
        size=size, frames=[
            dict(frame_id=name, vehicles=[vars(box) for box in found])
            for name, found in zip(ids, boxes, strict=True)
        ])


def join_truth(drives: Iterable[tuple[int, str, dict]]) -> dict[str, Any]:
    """The COCO file of several drives.

    Beside what COCO has, an image knows ``frame_id`` (``DRIVE/STAMP``),
    ``video_id`` (the number of its drive) and ``frame`` (its number there); an
    annotation knows ``instance_id``, the same for one vehicle in all frames.

    Args:
        drives (Iterable): Number, picture path and :func:`drive_truth` of
            each drive; the path has ``{stamp}`` where the stamp stands.
    """
    images: list[dict] = []
    annotations: list[dict] = []
    videos: list[dict] = []
    for number, picture, truth in drives:
        width, height = truth['size']
        for index, frame in enumerate(truth['frames']):
            drive, stamp = frame['frame_id'].split('/')
            if not index:
                videos.append(dict(id=number, name=drive))
            image = len(images)
            images.append(
                dict(id=image, file_name=picture.format(stamp=stamp),
                     width=width, height=height, frame_id=frame['frame_id'],
                     video_id=number, frame=index))
            for found in frame['vehicles']:
                x1, y1, x2, y2 = found['box']
                annotations.append(
                    dict(id=len(annotations), image_id=image,
                         category_id=CATEGORY['id'],
                         bbox=[x1, y1,
                               round(x2 - x1, 2),
                               round(y2 - y1, 2)], area=round(
                                   (x2 - x1) * (y2 - y1), 2), iscrowd=0,
                         instance_id=number * _VEHICLES + found['number']))
    return dict(images=images, annotations=annotations, categories=[CATEGORY],
                videos=videos)
