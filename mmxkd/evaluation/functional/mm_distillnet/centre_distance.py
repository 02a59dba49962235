"""How far predicted boxes lie from true ones, along each axis.

Gan et al. 2019 compare centres. The published code of MM-DistillNet compares
widths and heights instead; ``as_published=True`` does so too.

Source: the method's sheet, section 7.
"""
from collections.abc import Sequence

import numpy as np


def centre_distance(predictions: Sequence[np.ndarray],
                    truth: Sequence[np.ndarray], size: tuple[float, float],
                    as_published: bool = False) -> np.ndarray:
    """Distances of each frame that has true boxes.

    Each true box in turn takes the nearest prediction of its label that is
    still free. One that finds none counts as far off as it is wide and high.
    Scores do not matter.

    Args:
        predictions (Sequence[np.ndarray]): (N_i, 6) x1, y1, x2, y2, score,
            label of each frame.
        truth (Sequence[np.ndarray]): (M_i, 5) x1, y1, x2, y2, label.
        size (tuple[float, float]): Width and height that count as 1.
        as_published (bool): Compare sizes, not centres.

    Returns:
        np.ndarray: (F, 2) along x and y, means over the boxes of a frame. A
        frame without true boxes has no row.

    Examples:
        >>> found = [np.array([[10, 0, 30, 10, .9, 0]])]
        >>> true = [np.array([[20, 0, 40, 20, 0]])]
        >>> centre_distance(found, true, (100, 100)).tolist()
        [[0.1, 0.05]]
    """
    rows = []
    for found, true in zip(predictions, truth, strict=True):
        found, true = np.reshape(found, (-1, 6)), np.reshape(true, (-1, 5))
        if len(true):
            rows.append(_of_frame(found, true, as_published))
    return np.reshape(rows, (-1, 2)) / np.asarray(size, float)


def _of_frame(found: np.ndarray, true: np.ndarray,
              as_published: bool) -> np.ndarray:
    sign = -1 if as_published else 1
    scale = 1 if as_published else 0.5
    ours = (found[:, 2:4] + sign * found[:, :2]) * scale
    theirs = (true[:, 2:4] + sign * true[:, :2]) * scale
    free = np.ones(len(found), bool)
    distances = true[:, 2:4] - true[:, :2]
    for i, point in enumerate(theirs):
        candidates = np.flatnonzero(free & (found[:, 5] == true[i, 4]))
        if len(candidates):
            apart = np.abs(ours[candidates] - point)
            nearest = (apart**2).sum(1).argmin()
            free[candidates[nearest]] = False
            distances[i] = apart[nearest]
    return distances.mean(axis=0)
