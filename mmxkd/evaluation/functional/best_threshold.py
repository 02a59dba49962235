"""From which score on a detector is right most often: best F1 per class."""
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from .box_overlaps import box_iou


class Threshold(NamedTuple):
    """The best least score of a class, and what it gives.

    Attributes:
        score: Detections with at least this score are kept; NaN where no
            detection is right.
        precision, recall, f1: Of the kept ones, 0 to 1.
        objects: How many there are to be found.
    """

    score: float
    precision: float
    recall: float
    f1: float
    objects: int


def match_boxes(boxes: np.ndarray, scores: np.ndarray, truth: np.ndarray,
                ignored: np.ndarray, iou_thr: float = 0.5) -> np.ndarray:
    """Which detections of one class in one picture are right.

    As COCO: the best score chooses first, and takes the free object that it
    overlaps most. What overlaps no free object, but a region to ignore, does
    not count; such a region takes any number.

    Args:
        boxes (np.ndarray): (N, 4) xyxy.
        scores (np.ndarray): (N, ).
        truth (np.ndarray): (M, 4) xyxy.
        ignored (np.ndarray): (M, ) bool: regions, not objects.
        iou_thr (float): Least overlap.

    Returns:
        np.ndarray: (N, ) int8: 1 right, 0 wrong, -1 does not count.
    """
    verdicts = np.zeros(len(boxes), np.int8)
    if not len(boxes) or not len(truth):
        return verdicts
    overlaps = box_iou(boxes, truth)
    free = ~ignored
    for i in np.argsort(-scores, kind='stable'):
        own = np.where(free, overlaps[i], -1)
        best = int(own.argmax())
        if own[best] >= iou_thr:
            verdicts[i], free[best] = 1, False
        elif (overlaps[i][ignored] >= iou_thr).any():
            verdicts[i] = -1
    return verdicts


def best_threshold(scores: np.ndarray, verdicts: np.ndarray,
                   objects: int) -> Threshold:
    """The least score with the best F1.

    Args:
        scores (np.ndarray): (N, ) of all detections of a class.
        verdicts (np.ndarray): (N, ) of :func:`match_boxes`.
        objects (int): Objects of the class.

    Returns:
        Threshold: Of equally good ones the highest, which is a score that
        was seen.

    Raises:
        ValueError: A score is not finite.

    Examples:
        >>> best_threshold(np.array([.9, .8, .7, .6]),
        ...                np.array([1, 0, 1, 0]), objects=2)
        Threshold(score=0.7, precision=0.6666666666666666, recall=1.0, \
f1=0.8, objects=2)
    """
    scores = np.asarray(scores, np.float64)
    if not np.isfinite(scores).all():
        raise ValueError('a score is not finite')
    counted = verdicts >= 0
    scores, right = scores[counted], verdicts[counted] == 1
    order = np.argsort(-scores, kind='stable')
    scores, right = scores[order], right[order]
    true, kept = np.cumsum(right), np.arange(1, len(right) + 1)
    # All of one score are kept, or none.
    ends = np.flatnonzero(np.append(
        scores[1:] != scores[:-1], True)) if len(scores) else np.zeros(0, int)
    if not true.size or not true[-1] or not objects:
        return Threshold(float('nan'), 0., 0., 0., objects)
    f1 = 2 * true[ends] / (kept[ends] + objects)
    best = ends[int(f1.argmax())]
    return Threshold(float(scores[best]), float(true[best] / kept[best]),
                     float(true[best] / objects), float(f1.max()), objects)


def class_threshold(frames: Iterable[tuple[np.ndarray, np.ndarray, np.ndarray,
                                           np.ndarray]],
                    iou_thr: float = 0.5) -> Threshold:
    """The best threshold of a class over some pictures.

    Args:
        frames (Iterable[tuple]): Arguments of :func:`match_boxes`.
        iou_thr (float): Least overlap.
    """
    scores, verdicts, objects = [np.zeros(0)], [np.zeros(0, np.int8)], 0
    for boxes, own, truth, ignored in frames:
        scores.append(own)
        verdicts.append(match_boxes(boxes, own, truth, ignored, iou_thr))
        objects += int((~ignored).sum())
    return best_threshold(np.concatenate(scores), np.concatenate(verdicts),
                          objects)
