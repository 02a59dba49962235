"""How hard an object is to find, by KITTI's own grades."""
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Difficulty:
    """Limits of the ground truth that a detector has to find.

    Attributes:
        name (str): As in :data:`DIFFICULTIES`.
        min_height (float): Of the image box, pixels; to be exceeded.
        max_occlusion (int): Highest level of occlusion.
        max_truncation (float): Largest share outside of the image, 0..1.
    """

    name: str
    min_height: float
    max_occlusion: int
    max_truncation: float


DIFFICULTIES = (Difficulty('easy', 40, 0,
                           0.15), Difficulty('moderate', 25, 1, 0.30),
                Difficulty('hard', 25, 2, 0.50))

#: Classes so close to an evaluated one that finding them is no mistake.
NEIGHBOURS = {'Car': 'Van', 'Pedestrian': 'Person_sitting'}

GRADES = tuple(level.name for level in DIFFICULTIES)
TOO_HARD = -1


def grade(bbox: np.ndarray, occluded: np.ndarray,
          truncated: np.ndarray) -> np.ndarray:
    """The lowest difficulty at which each object has to be found.

    Args:
        bbox (np.ndarray): (N, 4) x1, y1, x2, y2 in pixels of the label file.
        occluded (np.ndarray): (N,) 0..3.
        truncated (np.ndarray): (N,) 0..1.

    Returns:
        np.ndarray: (N,) int, index into :data:`GRADES`, or :data:`TOO_HARD`.

    Examples:
        >>> box = np.array([[0., 0., 9., 41.], [0., 0., 9., 25.]])
        >>> grade(box, np.array([1, 0]), np.zeros(2)).tolist()
        [1, -1]
    """
    height = bbox[:, 3] - bbox[:, 1]
    result = np.full(len(bbox), TOO_HARD)
    for index in reversed(range(len(DIFFICULTIES))):
        limits = DIFFICULTIES[index]
        result[(height > limits.min_height)
               & (occluded <= limits.max_occlusion)
               & (truncated <= limits.max_truncation)] = index
    return result
