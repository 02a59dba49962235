"""Intersection areas of rotated rectangles, exact where boxes coincide."""
import numpy as np


def _half_sizes_and_turn(boxes: np.ndarray) -> tuple[np.ndarray, ...]:
    length, width, angle = boxes[:, 2], boxes[:, 3], boxes[:, 4]
    return length / 2, width / 2, np.cos(angle), np.sin(angle)


def rotated_intersection(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Intersection areas of pairs of rotated rectangles.

    Each edge of a box is cut where it crosses the four lines that bound the
    other rectangle, and every point is then clamped into it. Clamping is
    linear between the cuts and keeps the winding number of all points
    inside, so the area of the clamped outline is that of the intersection.
    There is no test of sides and no sorting of corners: nothing depends on
    whether edges coincide, and identical boxes give their own area.

    Args:
        boxes (np.ndarray): (N, 5) centre x, centre z, length, width, angle.
            A point (u, v) of the box, u along its length, lies at
            ``x + u cos + v sin, z - u sin + v cos``: KITTI's ``rotation_y``
            seen from above. Radians; sizes are not negative.
        others (np.ndarray): (N, 5), likewise.

    Returns:
        np.ndarray: (N, ) float64, square units.

    Raises:
        ValueError: The shapes differ or are not (N, 5).

    Examples:
        >>> square = np.array([[0., 0., 2., 2., 0.]])
        >>> turned = np.array([[0., 0., 2., 2., np.pi / 4]])
        >>> rotated_intersection(square, turned).round(6)
        array([3.313708])
    """
    boxes = np.asarray(boxes, dtype=np.float64)
    others = np.asarray(others, dtype=np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 5 or boxes.shape != others.shape:
        raise ValueError('expected two arrays of one shape (N, 5), found '
                         f'{boxes.shape} and {others.shape}')
    # Few pairs at a time, so that all that follows stays in the cache.
    area = np.empty(len(boxes))
    for start in range(0, len(boxes), _CHUNK):
        part = slice(start, start + _CHUNK)
        area[part] = _intersection(boxes[part], others[part])
    return area


_CHUNK = 1024


def _intersection(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    half_l, half_w, cos_a, sin_a = _half_sizes_and_turn(boxes)
    limit_x, limit_z, cos_b, sin_b = _half_sizes_and_turn(others)
    # Centre and half axes of the box in the frame of the other rectangle.
    dx, dz = (boxes[:, :2] - others[:, :2]).T
    centre_x, centre_z = dx * cos_b - dz * sin_b, dx * sin_b + dz * cos_b
    cos, sin = cos_a * cos_b + sin_a * sin_b, sin_a * cos_b - cos_a * sin_b
    along_x, along_z = half_l * cos, -half_l * sin
    across_x, across_z = half_w * sin, half_w * cos
    x = np.stack([
        centre_x + along_x + across_x, centre_x + along_x - across_x,
        centre_x - along_x - across_x, centre_x - along_x + across_x
    ])
    z = np.stack([
        centre_z + along_z + across_z, centre_z + along_z - across_z,
        centre_z - along_z - across_z, centre_z - along_z + across_z
    ])
    step_x = np.stack([-2 * across_x, -2 * along_x])[[0, 1, 0, 1]]
    step_z = np.stack([-2 * across_z, -2 * along_z])[[0, 1, 0, 1]]
    step_x[2:] *= -1
    step_z[2:] *= -1
    enter_x, leave_x = _cuts(x, step_x, limit_x)
    enter_z, leave_z = _cuts(z, step_z, limit_z)
    first, second = np.maximum(enter_x, enter_z), np.minimum(leave_x, leave_z)
    # Corner, then the four cuts of its edge in order: (5, 4, N).
    at = np.stack([
        np.zeros_like(x),
        np.minimum(enter_x, enter_z),
        np.minimum(first, second),
        np.maximum(first, second),
        np.maximum(leave_x, leave_z)
    ])
    x = np.clip(x + at * step_x, -limit_x, limit_x)
    z = np.clip(z + at * step_z, -limit_z, limit_z)
    # To outlines (20, N): the points of the first edge, of the second, ….
    x, z = (np.swapaxes(values, 0, 1).reshape(20, -1) for values in (x, z))
    next_x, next_z = np.roll(x, -1, axis=0), np.roll(z, -1, axis=0)
    return np.abs((x * next_z - next_x * z).sum(axis=0)) / 2


def _cuts(start: np.ndarray, step: np.ndarray,
          limit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where edges cross the lines at ± ``limit``, as parts 0..1 of them."""
    with np.errstate(divide='ignore', invalid='ignore'):
        below, above = (-limit - start) / step, (limit - start) / step
    # fmin and fmax take the number where 0 / 0 gave none: an edge along a
    # line is cut nowhere that matters.
    below, above = (np.fmin(np.fmax(cut, 0), 1) for cut in (below, above))
    return np.minimum(below, above), np.maximum(below, above)
