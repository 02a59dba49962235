"""How much boxes overlap, and the suppression of those that do too much."""
import numpy as np

#: Boxes that are compared with all others at once.
_BLOCK = 64


def box_areas(boxes: np.ndarray, pixel: float = 0.) -> np.ndarray:
    """Areas of boxes; 0 where one ends before it begins.

    Args:
        boxes (np.ndarray): (N, 4) xyxy, pixels.
        pixel (float): What is added to each width and height; 1 where the
            corners name the first and the last pixel.

    Returns:
        np.ndarray: (N, ) float64, square pixels.
    """
    return np.prod(np.clip(boxes[:, 2:] - boxes[:, :2] + pixel, 0, None),
                   axis=1, dtype=np.float64)


def box_iou(boxes: np.ndarray, others: np.ndarray,
            pixel: float = 0.) -> np.ndarray:
    """Intersection over union of each box with each other one.

    Args:
        boxes (np.ndarray): (N, 4) xyxy.
        others (np.ndarray): (M, 4) xyxy.
        pixel (float): See :func:`box_areas`.

    Returns:
        np.ndarray: (N, M) float64, 0 to 1; 0 where neither has an area.

    Examples:
        >>> a = np.array([[0., 0., 2., 2.]])
        >>> box_iou(a, np.array([[0., 0., 2., 2.], [1., 0., 3., 2.]])).round(3)
        array([[1.   , 0.333]])
        >>> first = np.array([[0, 0, 9, 9]])
        >>> second = np.array([[5, 0, 14, 9]])
        >>> box_iou(first, second, pixel=1).round(6).tolist()
        [[0.333333]]
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    others = np.asarray(others, np.float64).reshape(-1, 4)
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.prod(np.clip(high - low + pixel, 0, None), axis=2)
    union = box_areas(boxes, pixel)[:, None] + box_areas(others,
                                                         pixel)[None] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


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

    def rivals(some: np.ndarray, others: np.ndarray) -> np.ndarray:
        found = box_iou(boxes[some], boxes[others]) > iou_thr
        if labels is not None:
            found &= np.equal.outer(labels[some], labels[others])
        return found

    rest = np.argsort(-np.asarray(scores), kind='stable')
    kept: list[int] = []
    # Block by block: all pairs of the anchors of an untrained detector would
    # not fit into memory.
    while len(rest):
        block, rest = rest[:_BLOCK], rest[_BLOCK:]
        worse, alive, own = rivals(block, block), np.ones(len(block), bool), []
        for i, index in enumerate(block):
            if alive[i]:
                own.append(index)
                alive &= ~worse[i]
        kept += own
        rest = rest[~rivals(np.array(own), rest).any(0)]
    return np.array(kept, int)
