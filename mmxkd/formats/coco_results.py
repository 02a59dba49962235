"""Detections in COCO's result format, as ``tools/test.py --out`` writes."""
import math
import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from mmxkd.errors import CorruptSampleError
from mmxkd.io.text import read_json


def read_results(path: str | os.PathLike,
                 image_ids: Iterable[Any]) -> dict[Any, np.ndarray]:
    """The detections of each image; of some, there may be none.

    Args:
        path (str | PathLike): A list of entries with ``image_id``,
            ``category_id``, ``bbox`` and ``score``.
        image_ids (Iterable): Those of the annotations that the detector was
            tested on.

    Returns:
        dict[Any, np.ndarray]: (N, 6) float64 x1, y1, x2, y2 in pixels, score,
        category id; of every image.

    Raises:
        CorruptSampleError: It is no such list, an image is not one of these,
            or a number is not finite; names file and entry.
    """
    rows: dict[Any, list] = {image: [] for image in image_ids}
    content = read_json(path, 'detections')
    if not isinstance(content, list):
        raise CorruptSampleError(
            path, 'detections', 'expected a list of detections, as '
            'tools/test.py --out writes it')
    for number, entry in enumerate(content):
        row = _row(entry)
        if row is None:
            raise CorruptSampleError(
                path, 'detections', f'entry {number} is {entry!r:.120}, '
                'expected image_id, category_id, bbox (x, y, width, height) '
                'and score, finite')
        image = entry['image_id']
        if image not in rows:
            raise CorruptSampleError(
                path, 'detections', f'entry {number} has the image_id '
                f'{image!r:.40}, which the annotations lack: are they of '
                'another split?')
        rows[image].append(row)
    return {
        image: np.array(found, np.float64).reshape(-1, 6)
        for image, found in rows.items()
    }


def _row(entry: Any) -> list[float] | None:
    try:
        x, y, width, height = entry['bbox']
        row = [
            x, y, x + width, y + height, entry['score'], entry['category_id']
        ]
        known = type(entry['image_id']) in (int, str)
        return row if known and all(map(math.isfinite, row)) else None
    except (KeyError, TypeError, ValueError):
        return None
