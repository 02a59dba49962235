"""At which score tracks start: chosen on validation drives.

Detectors differ in how sure they are: where one has 0.9, another has 0.4 for
the same car. A tracker that starts tracks at one score for all of them
follows the ghosts of one and misses the cars of the other.
"""
import os
from collections.abc import Mapping, Sequence

import numpy as np

from mmxkd.formats.coco_results import read_results
from mmxkd.formats.mavd.index import frame_ids
from mmxkd.io.text import read_json

from .drive_track_metric import DriveTrackMetric, read_tracks
from .following import build_tracker, byte_tracker

SCORES = tuple(round(0.05 * step, 2) for step in range(1, 20))
"""Those that are tried."""

Found = list[tuple[str, np.ndarray]]


def read_found(detections: str | os.PathLike, ann_file: str) -> Found:
    """Detections of each frame of a truth with tracks.

    Args:
        detections (str | PathLike): COCO's result format.
        ann_file (str): That of :class:`.DriveTrackMetric`.

    Raises:
        CorruptSampleError: One of the files is not what it should be, or the
            other one's.
    """
    read_tracks(ann_file)  # Checks it.
    names = frame_ids(read_json(ann_file, 'truth'), ann_file)
    found = read_results(detections, names)
    return [(names[image], rows) for image, rows in found.items()]


def tracks_by_score(
        found: Found, ann_file: str, scores: Sequence[float] = SCORES,
        parts: Mapping[str, str] | None = None
) -> dict[float, dict[str, float]]:
    """The numbers of :class:`.DriveTrackMetric` for each score.

    Args:
        found (list): Of :func:`read_found`.
        ann_file (str): The same truth.
        scores (Sequence[float]): At which tracks may start.
        parts (dict[str, str], optional): Of the metric.
    """
    metric = DriveTrackMetric(ann_file, parts=parts)
    numbers = {}
    for score in scores:
        metric.tracker = build_tracker(byte_tracker(score))
        numbers[score] = metric.compute_metrics(found)
    return numbers


def best_score(numbers: Mapping[float, Mapping[str, float]]) -> float:
    """The score with the highest MOTA; of equal ones the highest.

    Examples:
        >>> best_score({0.3: dict(MOTA=-20.), 0.6: dict(MOTA=5.)})
        0.6
    """
    return max(numbers, key=lambda score: (numbers[score]['MOTA'], score))
