"""Boxes as arrays: (N, 4) x1, y1, x2, y2 in pixels, float32."""
from typing import NamedTuple

import numpy as np


class Detections(NamedTuple):
    """What was found in one picture.

    Attributes:
        boxes (np.ndarray): (D, 4) x1, y1, x2, y2 in pixels of the file.
        scores (np.ndarray): (D, ) 0 to 1.
        labels (np.ndarray): (D, ) indices of the classes.
    """

    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray

    def chosen(self, index: np.ndarray) -> 'Detections':
        """Some of them, in the order of ``index``."""
        return Detections(self.boxes[index], self.scores[index],
                          self.labels[index])


def nms(boxes: np.ndarray, scores: np.ndarray,
        iou_threshold: float) -> np.ndarray:
    """Drop what overlaps a better box by more than ``iou_threshold``.

    Args:
        boxes (np.ndarray): (N, 4).
        scores (np.ndarray): (N, ).
        iou_threshold (float): 0 to 1.

    Returns:
        np.ndarray: Indices of the boxes that are kept, best first.

    Examples:
        >>> boxes = np.float32([[0, 0, 10, 10], [0, 0, 10, 9], [20, 0, 30, 9]])
        >>> nms(boxes, np.float32([.5, .9, .1]), .5).tolist()
        [1, 2]
    """
    x1, y1, x2, y2 = boxes.T
    areas = (x2 - x1) * (y2 - y1)
    order = np.argsort(-scores, kind='stable')
    kept = []
    while len(order):
        best, rest = order[0], order[1:]
        kept.append(best)
        width = np.minimum(x2[best], x2[rest]) - np.maximum(x1[best], x1[rest])
        height = (np.minimum(y2[best], y2[rest])
                  - np.maximum(y1[best], y1[rest]))
        common = np.maximum(width, 0) * np.maximum(height, 0)
        union = areas[best] + areas[rest] - common
        # A box without area has no union with itself either: 0 / 0.
        overlap = np.divide(common, union, out=np.zeros_like(union),
                            where=union > 0)
        order = rest[overlap <= iou_threshold]
    return np.array(kept, dtype=np.int64)


def centres_and_sizes(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(…, 2) centres and (…, 2) sizes of boxes."""
    low, high = boxes[..., :2], boxes[..., 2:]
    return (low + high) / 2, high - low


def softmax(logits: np.ndarray) -> np.ndarray:
    """Over the last axis; float32."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)
