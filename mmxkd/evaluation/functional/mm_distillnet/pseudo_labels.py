"""Boxes that teachers find, made into labels for a student.

Source: the method's sheet, section 4; its bugs are kept by
``as_published=True`` alone.
"""
from collections.abc import Sequence

import numpy as np

from ..box_overlaps import suppress


def rows_of_outputs(boxes: np.ndarray, scores: np.ndarray,
                    size: tuple[int, int], score_thr: float = 0.3,
                    iou_thr: float = 0.5, classes: Sequence[int] | None = None,
                    as_published: bool = False) -> np.ndarray:
    """What one detector finds in one picture.

    Args:
        boxes (np.ndarray): (A, 4) x1, y1, x2, y2 of each anchor, pixels.
        scores (np.ndarray): (A, C), 0 to 1.
        size (tuple[int, int]): Height and width of the picture.
        score_thr (float): What the best class of an anchor must exceed.
        iou_thr (float): Of the suppression within a class.
        classes (Sequence[int], optional): Which of the C classes are kept;
            None: all.
        as_published (bool): Each box gets the score of another anchor, where
            other classes exceed the threshold too; and boxes left of or
            above the picture are kept.

    Returns:
        np.ndarray: (N, 6) float32 x1, y1, x2, y2, score, label, best first.
        Coordinates are whole numbers, cut off towards 0. Boxes without area
        are left out.

    Raises:
        ValueError: The arrays do not fit together, a score is not a number,
            or a box is not finite where the score is high enough.
    """
    boxes, scores = np.asarray(boxes), np.asarray(scores)
    if boxes.shape != (len(scores), 4) or scores.ndim != 2:
        raise ValueError(f'expected boxes (A, 4) and scores (A, C), got '
                         f'{boxes.shape} and {scores.shape}')
    best = scores.max(axis=1, initial=0)
    if np.isnan(best).any():
        raise ValueError('a score is not a number')
    sure = np.flatnonzero(best > score_thr)
    labels = scores[sure].argmax(axis=1) if len(sure) else sure
    valid = (np.ones(len(sure), bool) if classes is None else np.isin(
        labels, list(classes)))
    kept = sure[valid]
    found = boxes[kept]
    if not np.isfinite(found).all():
        raise ValueError('a box with a score above the threshold is not '
                         'finite')
    found = _clip(found, size, as_published)
    chosen = suppress(found, best[kept], iou_thr, labels[valid])
    # The published code looks up the position among the valid anchors in the
    # list of all.
    listed = best[sure] if as_published else best[kept]
    rows = np.column_stack([
        _clip(np.trunc(found[chosen]), size, as_published), listed[chosen],
        labels[valid][chosen]
    ]).astype(np.float32)
    if as_published:
        return rows
    return rows[(rows[:, 2:4] > rows[:, :2]).all(axis=1)]


def _clip(boxes: np.ndarray, size: tuple[int, int],
          as_published: bool) -> np.ndarray:
    height, width = size
    limit = np.array([width, height], boxes.dtype)
    low, high = np.maximum(boxes[:, :2], 0), np.minimum(boxes[:, 2:], limit)
    if not as_published:
        low, high = np.minimum(low, limit), np.maximum(high, 0)
    return np.concatenate([low, high], axis=1)


def fuse_rows(teachers: Sequence[np.ndarray],
              iou_thr: float = 0.5) -> np.ndarray:
    """Labels of one picture from what several teachers find.

    Boxes of all teachers suppress each other, whatever their classes; the
    best of each group stays as it is.

    Args:
        teachers (Sequence[np.ndarray]): (N_m, 6) rows of each, as of
            :func:`rows_of_outputs`. Of equal scores, the first teacher's is
            taken.
        iou_thr (float): Of the suppression.

    Returns:
        np.ndarray: (N, 5) x1, y1, x2, y2, label, best first; (0, 5) where
        nobody finds anything.

    Examples:
        >>> one = np.array([[10, 10, 50, 50, .9, 6], [60, 60, 90, 90, .4, 6]])
        >>> two = np.array([[12, 12, 52, 52, .8, 6], [61, 60, 90, 91, .7, 6]])
        >>> fuse_rows([one, two])[:, :4].astype(int).tolist()
        [[10, 10, 50, 50], [61, 60, 90, 91]]
    """
    rows = np.concatenate([np.asarray(r).reshape(-1, 6) for r in teachers])
    chosen = suppress(rows[:, :4], rows[:, 4], iou_thr)
    return rows[chosen][:, [0, 1, 2, 3, 5]]
