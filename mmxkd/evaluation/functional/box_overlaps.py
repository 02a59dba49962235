"""How much boxes overlap."""
import numpy as np


def box_areas(boxes: np.ndarray) -> np.ndarray:
    """Areas of boxes; 0 where one ends before it begins.

    Args:
        boxes (np.ndarray): (N, 4) xyxy, pixels.

    Returns:
        np.ndarray: (N, ) float64, square pixels.
    """
    return np.prod(np.clip(boxes[:, 2:] - boxes[:, :2], 0, None), axis=1,
                   dtype=np.float64)


def box_iou(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of each box with each other one.

    Args:
        boxes (np.ndarray): (N, 4) xyxy.
        others (np.ndarray): (M, 4) xyxy.

    Returns:
        np.ndarray: (N, M) float64, 0 to 1; 0 where neither has an area.

    Examples:
        >>> a = np.array([[0., 0., 2., 2.]])
        >>> box_iou(a, np.array([[0., 0., 2., 2.], [1., 0., 3., 2.]])).round(3)
        array([[1.   , 0.333]])
    """
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    others = np.asarray(others, np.float64).reshape(-1, 4)
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0, None), axis=2)
    union = box_areas(boxes)[:, None] + box_areas(others)[None] - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
