"""Rotated boxes, and shapely's answer to what two of them share."""
import numpy as np
import shapely


def pairs(count: int = 20_000, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Boxes (N, 5) and others, in five equal parts."""
    rng = np.random.default_rng(seed)
    boxes = np.column_stack([
        rng.uniform(-40, 40, (count, 2)),
        rng.uniform(.5, 5, (count, 2)),
        rng.uniform(-4, 4, count)
    ])
    others = boxes.copy()
    part = count // 5
    tiny = 10**rng.uniform(-9, -6, (part, 1))
    others[part:2 * part] += rng.normal(0, 1, (part, 5)) * tiny
    others[2 * part:3 * part, 4] += 2 * np.pi
    others[3 * part:4 * part] += rng.normal(0, .5,
                                            (part, 5)) * [1, 1, .2, .2, 1]
    others[4 * part:, :2] += rng.normal(0, 2, (count - 4 * part, 2))
    others[4 * part:, 4] = rng.uniform(-4, 4, count - 4 * part)
    others[:, 2:4] = np.abs(others[:, 2:4])
    return boxes, others


def polygons(boxes: np.ndarray) -> np.ndarray:
    """Shapely's rectangles."""
    along = np.array([1, 1, -1, -1]) * boxes[:, 2:3] / 2
    across = np.array([1, -1, -1, 1]) * boxes[:, 3:4] / 2
    cos, sin = np.cos(boxes[:, 4:]), np.sin(boxes[:, 4:])
    return shapely.polygons(
        np.stack([
            boxes[:, :1] + along * cos + across * sin,
            boxes[:, 1:2] - along * sin + across * cos
        ], axis=-1))


def by_shapely(boxes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Areas by shapely's vectorised functions."""
    return shapely.area(shapely.intersection(polygons(boxes),
                                             polygons(others)))
