"""Precision at 41 recall positions, and the averages of it."""
from dataclasses import dataclass

import numpy as np

SAMPLES = 41


def score_thresholds(scores: np.ndarray, num_gt: int) -> np.ndarray:
    """Scores at which recall passes 0, 1/40, 2/40, ….

    Args:
        scores (np.ndarray): (T, ) of the true positives, in any order.
        num_gt (int): Ground truths that have to be found.

    Returns:
        np.ndarray: At most 41 scores, descending.

    Examples:
        >>> score_thresholds(np.array([.7, .9, .8]), 4).tolist()
        [0.9, 0.8, 0.7]
    """
    scores = np.sort(scores)[::-1]
    recall = np.arange(1, len(scores) + 1) / max(num_gt, 1)
    following = np.arange(2, len(scores) + 2) / max(num_gt, 1)
    thresholds, start, wanted = [], 0, 0.0
    while start < len(scores):
        # The next score is nearer to the wanted recall: wait for it. Both
        # sides grow or fall with the index, so the first that fails is meant.
        wait = following[start:] - wanted < wanted - recall[start:]
        wait[-1] = False
        start += int(wait.argmin())
        thresholds.append(scores[start])
        # Summed, not multiplied: k / 40 rounds otherwise, and a third of all
        # curves would change, by up to two points.
        wanted += 1 / (SAMPLES - 1)
        start += 1
    return np.array(thresholds)


@dataclass(frozen=True)
class Curve:
    """Precision, or orientation similarity, over recall.

    Attributes:
        metric (str): ``'bbox'``, ``'aos'``, ``'bev'`` or ``'3d'``.
        class_name (str): E.g. ``'Car'``.
        difficulty (str): ``'easy'``, ``'moderate'`` or ``'hard'``.
        overlap (str): ``'strict'`` or ``'loose'``.
        min_overlap (float): What the overlap of a match has to exceed.
        num_gt (int): Ground truths that have to be found.
        values (np.ndarray): (41, ) at recall 0, 1/40, …, 1; 0..1. At each,
            the highest value at that recall or a higher one.
        thresholds (np.ndarray): (T, ) scores of the first T positions.
    """

    metric: str
    class_name: str
    difficulty: str
    overlap: str
    min_overlap: float
    num_gt: int
    values: np.ndarray
    thresholds: np.ndarray

    @property
    def ap40(self) -> float:
        """Mean over recall 1/40, …, 1, percent: KITTI's since 2019."""
        return float(self.values[1:].sum() / (SAMPLES - 1) * 100)

    @property
    def ap11(self) -> float:
        """Mean over recall 0, 0.1, …, 1, percent: of papers before."""
        return float(self.values[::4].mean() * 100)


def envelope(true: np.ndarray, false: np.ndarray,
             similarity: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    """Precision and orientation similarity from counts.

    Args:
        true (np.ndarray): (T, ) true positives at each threshold, T <= 41.
        false (np.ndarray): (T, ) false positives.
        similarity (np.ndarray): (T, ) summed over the true positives.

    Returns:
        tuple: (41, ) precision, (41, ) similarity, and whether there was a
        threshold without any positive, where 0 / 0 counts as 0.
    """
    found = true + false
    curves = np.zeros((2, SAMPLES))
    for curve, part in zip(curves, (true, similarity), strict=True):
        np.divide(part, found, out=curve[:len(found)], where=found > 0)
    best = np.maximum.accumulate(curves[:, ::-1], axis=1)[:, ::-1]
    return best[0], best[1], bool((found == 0).any())
