"""Average precision as MM-DistillNet's tables have it.

It differs from COCO's: boxes are a pixel larger; a prediction is compared
with the one box that it overlaps most; frames without true boxes do not
count, so that nothing is wrong there; and the average goes over thresholds up
to 0.90. Use mmdet's ``CocoMetric`` for COCO's numbers.

Source: the method's sheet, section 7.
"""
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..box_overlaps import box_iou

THRESHOLDS = tuple(round(0.5 + 0.05 * i, 2) for i in range(9))


@dataclass(frozen=True)
class Precision:
    """Numbers at one threshold, 0 to 1, means over the classes.

    Attributes:
        ap: Area under the envelope of the precision-recall curve.
        precision: Share of the predictions that are right.
        recall: Share of the true boxes that are found.
        f1: Harmonic mean of the two, of each class.
    """

    ap: float
    precision: float
    recall: float
    f1: float


def true_positives(predictions: np.ndarray, truth: np.ndarray,
                   thresholds: Sequence[float] = THRESHOLDS) -> np.ndarray:
    """Which predictions of a frame are right.

    Args:
        predictions (np.ndarray): (N, 6) x1, y1, x2, y2, score, label, in the
            order in which they choose: each takes the box that it overlaps
            most, if that is free and the overlap is high enough.
        truth (np.ndarray): (M, 5) x1, y1, x2, y2, label. Predictions of a
            label that no true box has are wrong; else labels do not matter.
        thresholds (Sequence[float]): Of the overlap.

    Returns:
        np.ndarray: (T, N) bool.
    """
    flags = np.zeros((len(thresholds), len(predictions)), bool)
    if not len(truth) or not len(predictions):
        return flags
    overlaps = box_iou(predictions[:, :4], truth[:, :4], pixel=1)
    chosen, overlap = overlaps.argmax(1), overlaps.max(1)
    known = np.isin(predictions[:, 5], truth[:, 4])
    for row, threshold in zip(flags, thresholds, strict=True):
        taken = np.zeros(len(truth), bool)
        for i in np.flatnonzero(known & (overlap >= threshold)):
            row[i] = not taken[chosen[i]]
            taken[chosen[i]] = True
    return flags


def average_precision(
        predictions: Sequence[np.ndarray], truth: Sequence[np.ndarray],
        thresholds: Sequence[float] = THRESHOLDS) -> list[Precision]:
    """Average precision over frames, at each threshold.

    Args:
        predictions (Sequence[np.ndarray]): (N_i, 6) of each frame, as of
            :func:`true_positives`. Scores that a detector cut off are never
            seen: published numbers have a threshold of 0.3.
        truth (Sequence[np.ndarray]): (M_i, 5) of each frame.
        thresholds (Sequence[float]): Of the overlap.

    Returns:
        list[Precision]: One per threshold; NaN where no frame has a box.

    Raises:
        ValueError: The numbers of frames differ, or a score is not finite.
    """
    frames = [(np.asarray(p).reshape(-1, 6), np.asarray(t).reshape(-1, 5))
              for p, t in zip(predictions, truth, strict=True)]
    frames = [(p, t) for p, t in frames if len(t)]
    if not frames:
        return [Precision(*[float('nan')] * 4) for _ in thresholds]
    rows = np.concatenate([p for p, _ in frames])
    if not np.isfinite(rows).all():
        raise ValueError('a prediction is not finite')
    labels = np.concatenate([t[:, 4] for _, t in frames])
    flags = np.concatenate(
        [true_positives(p, t, thresholds) for p, t in frames], axis=1)
    order = np.argsort(-rows[:, 4], kind='stable')
    rows, flags = rows[order], flags[:, order]
    classes, counts = np.unique(labels, return_counts=True)
    return [
        _mean([
            _of_class(hits[rows[:, 5] == label], int(count))
            for label, count in zip(classes, counts, strict=True)
        ]) for hits in flags
    ]


def _of_class(hits: np.ndarray, count: int) -> Precision:
    """Numbers of one class: (N, ) bool, best score first; true boxes."""
    if not len(hits):
        return Precision(0., 0., 0., 0.)
    right = np.cumsum(hits)
    recall = right / count
    precision = right / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    ap = float((np.diff(recall, prepend=0) * envelope).sum())
    p, r = float(precision[-1]), float(recall[-1])
    return Precision(ap, p, r, 2 * p * r / (p + r) if p + r else 0.)


def _mean(classes: Sequence[Precision]) -> Precision:
    return Precision(*(float(np.mean([getattr(c, key) for c in classes]))
                       for key in ('ap', 'precision', 'recall', 'f1')))
