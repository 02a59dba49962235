"""Pairs of objects of the same frame, and how much they overlap."""
import numpy as np

from mmxkd.evaluation.functional.rotated_boxes import rotated_intersection
from mmxkd.formats.kitti.objects import KittiObjects, ranges


def pairs_of_frames(first: np.ndarray, second: np.ndarray,
                    num_frames: int) -> tuple[np.ndarray, np.ndarray]:
    """All pairs of rows that lie in the same frame.

    Args:
        first (np.ndarray): (M, ) ascending frame numbers.
        second (np.ndarray): (N, ) likewise.
        num_frames (int): Frames in all.

    Returns:
        tuple: (P, ) rows of ``first`` and of ``second``, sorted by both.

    Examples:
        >>> rows = pairs_of_frames(np.array([0, 1]), np.array([1, 1, 2]), 3)
        >>> [row.tolist() for row in rows]
        [[1, 1], [0, 1]]
    """
    edges = np.searchsorted(second, np.arange(num_frames + 1))
    counts = np.diff(edges)[first]
    return (np.repeat(np.arange(len(first)),
                      counts), ranges(edges[:-1][first], counts))


def image_intersection(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Common area of pairs of boxes, (P, 4) x1, y1, x2, y2 each; no +1."""
    width, height = (np.minimum(boxes[:, axis + 2], others[:, axis + 2])
                     - np.maximum(boxes[:, axis], others[:, axis])
                     for axis in (0, 1))
    return np.maximum(width, 0) * np.maximum(height, 0)


def image_area(boxes: np.ndarray) -> np.ndarray:
    """Area of boxes, (N, 4) x1, y1, x2, y2, square pixels; no +1."""
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def image_overlap(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection over union of pairs of image boxes, (P, ), 0..1."""
    both = image_intersection(boxes, others)
    return _ratio(both, image_area(boxes) + image_area(others) - both)


def bev_boxes(objects: KittiObjects) -> np.ndarray:
    """Rectangles seen from above, (N, 5) x, z, length, width, rotation_y.

    A size that is not given counts as none.
    """
    return np.column_stack([
        objects.location[:, [0, 2]],
        np.maximum(objects.dimensions[:, [2, 1]], 0), objects.rotation_y
    ])


def overlaps_3d(
        first: KittiObjects, second: KittiObjects, rows: np.ndarray,
        others: np.ndarray,
        least: float | np.ndarray = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Intersection over union of pairs of 3-D boxes, from above and in 3-D.

    Args:
        first (KittiObjects): M objects.
        second (KittiObjects): N objects.
        rows (np.ndarray): (P, ) rows of ``first``.
        others (np.ndarray): (P, ) rows of ``second``.
        least (float | np.ndarray): Overlaps up to this one, or (P, ) for
            each pair, may be given as 0, which saves the work for pairs that
            cannot have more.

    Returns:
        tuple: (P, ) overlap seen from above and (P, ) overlap of volumes,
        0..1. The 3-D one is 0 also where ``least`` cut the first.
    """
    boxes, other_boxes = bev_boxes(first), bev_boxes(second)
    near = _may_overlap(boxes, other_boxes, rows, others, least)
    bev, volume = np.zeros(len(rows)), np.zeros(len(rows))
    rows, others = rows[near], others[near]
    a, b = boxes[rows], other_boxes[others]
    both = rotated_intersection(a, b)
    area_a, area_b = a[:, 2] * a[:, 3], b[:, 2] * b[:, 3]
    bev[near] = _ratio(both, area_a + area_b - both)
    # A box stands on its location and y points down: it spans [y - h, y].
    bottom_a, bottom_b = first.location[rows, 1], second.location[others, 1]
    height_a = np.maximum(first.dimensions[rows, 0], 0)
    height_b = np.maximum(second.dimensions[others, 0], 0)
    height = np.minimum(bottom_a, bottom_b) - np.maximum(
        bottom_a - height_a, bottom_b - height_b)
    both = both * np.maximum(height, 0)
    volume[near] = _ratio(both, area_a * height_a + area_b * height_b - both)
    return bev, volume


def _may_overlap(boxes: np.ndarray, others: np.ndarray, rows: np.ndarray,
                 other_rows: np.ndarray,
                 least: float | np.ndarray) -> np.ndarray:
    """Indices of the pairs whose overlap can exceed ``least``."""
    reach = np.hypot(boxes[:, 2], boxes[:, 3]) / 2
    other_reach = np.hypot(others[:, 2], others[:, 3]) / 2
    area = boxes[:, 2] * boxes[:, 3]
    other_area = others[:, 2] * others[:, 3]
    distance = np.hypot(boxes[rows, 0] - others[other_rows, 0],
                        boxes[rows, 1] - others[other_rows, 1])
    a, b = area[rows], other_area[other_rows]
    # The intersection is at most the smaller area, the union at least the
    # larger one. The margin covers rounding: it only costs a few pairs.
    return np.flatnonzero((distance <= reach[rows] + other_reach[other_rows])
                          & (np.minimum(a, b) >= np.maximum(a, b)
                             * (least - 1e-6))
                          & (a > 0) & (b > 0))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """``part / whole``, 0 where there is no part."""
    return np.divide(part, whole, out=np.zeros(len(part)), where=part > 0)
