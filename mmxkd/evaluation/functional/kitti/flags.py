"""Which objects count, for a class and a difficulty."""
import numpy as np

from mmxkd.formats.kitti.difficulty import Difficulty
from mmxkd.formats.kitti.objects import KittiObjects

COUNTS, IGNORED, ABSENT = 0, 1, -1


def ground_truth_flags(objects: KittiObjects, own: np.ndarray,
                       neighbour: np.ndarray,
                       difficulty: Difficulty) -> np.ndarray:
    """What ground truths mean for a class and a difficulty.

    Args:
        objects (KittiObjects): N labels.
        own (np.ndarray): (N, ) bool, those of the class.
        neighbour (np.ndarray): (N, ) bool, those of its neighbour.
        difficulty (Difficulty): Limits.

    Returns:
        np.ndarray: (N, ) ``COUNTS`` where it has to be found, ``IGNORED``
        where finding it is neither right nor wrong, else ``ABSENT``.
    """
    hidden = ((objects.occluded > difficulty.max_occlusion)
              | (objects.truncated > difficulty.max_truncation)
              | (objects.bbox[:, 3] - objects.bbox[:, 1]
                 <= difficulty.min_height))
    flags = np.where(own | neighbour, IGNORED, ABSENT)
    flags[own & ~hidden] = COUNTS
    return flags


def detection_flags(objects: KittiObjects, own: np.ndarray,
                    difficulty: Difficulty) -> np.ndarray:
    """What detections mean for a class and a difficulty.

    One that is too low is ignored, **whatever its class**: the official
    program asks for the height first, so a low detection of another class can
    take a ground truth away.

    Args:
        objects (KittiObjects): N detections.
        own (np.ndarray): (N, ) bool, those of the class.
        difficulty (Difficulty): Limits.

    Returns:
        np.ndarray: (N, ) ``COUNTS``, ``IGNORED`` or ``ABSENT``.
    """
    flags = np.where(own, COUNTS, ABSENT)
    height = np.abs(objects.bbox[:, 1] - objects.bbox[:, 3])
    flags[height < difficulty.min_height] = IGNORED
    return flags
