"""Overlaps of boxes, and the suppression of those that overlap."""
import numpy as np


def iou_matrix(boxes: np.ndarray, others: np.ndarray,
               pixel: float = 0.) -> np.ndarray:
    """Intersection over union of all pairs.

    Args:
        boxes (np.ndarray): (M, 4) x1, y1, x2, y2.
        others (np.ndarray): (N, 4).
        pixel (float): What is added to each width and height; 1 where the
            corners name the first and the last pixel.

    Returns:
        np.ndarray: (M, N) float64, 0 to 1; 0 where neither has an area.

    Examples:
        >>> first = np.array([[0, 0, 9, 9]])
        >>> second = np.array([[5, 0, 14, 9]])
        >>> iou_matrix(first, second, pixel=1).round(6).tolist()
        [[0.333333]]
    """
    a, b = (np.asarray(x, np.float64).reshape(-1, 4) for x in (boxes, others))
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    both = np.clip(high - low + pixel, 0, None).prod(-1)
    union = _area(a, pixel)[:, None] + _area(b, pixel) - both
    return np.divide(both, union, out=np.zeros_like(both), where=union > 0)


def _area(boxes: np.ndarray, pixel: float) -> np.ndarray:
    return (boxes[:, 2:] - boxes[:, :2] + pixel).prod(1)


def suppress(boxes: np.ndarray, scores: np.ndarray, iou_thr: float,
             labels: np.ndarray | None = None) -> np.ndarray:
    """Indices of the boxes that no better one overlaps too much.

    Args:
        boxes (np.ndarray): (N, 4) x1, y1, x2, y2.
        scores (np.ndarray): (N, ).
        iou_thr (float): A box that overlaps a better one by more is left out.
        labels (np.ndarray, optional): (N, ) only boxes of one label suppress
            each other; None: all do.

    Returns:
        np.ndarray: (M, ) best first; of equal scores the first is better.

    Examples:
        >>> boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [50, 0, 60, 9]])
        >>> suppress(boxes, np.array([.5, .9, .7]), 0.5).tolist()
        [1, 2]
    """
    order = np.argsort(-np.asarray(scores), kind='stable')
    rivals = iou_matrix(boxes, boxes) > iou_thr
    if labels is not None:
        rivals &= np.equal.outer(labels, labels)
    alive = np.ones(len(order), bool)
    kept = []
    for index in order:
        if alive[index]:
            kept.append(index)
            alive &= ~rivals[index]
    return np.array(kept, int)
