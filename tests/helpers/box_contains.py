"""Points in a box, told without its corners."""
import numpy as np

from mmxkd.synthetic.worlds.boxes import Box
from mmxkd.synthetic.worlds.shapes import axes


def box_contains(box: Box, points: np.ndarray, margin: float) -> np.ndarray:
    """Which world points (N, 3) lie in the box, grown by ``margin``."""
    height, width, length = box.size
    forward, right = axes(box.yaw)
    away = points - box.bottom
    return ((np.abs(away @ forward) <= length / 2 + margin)
            & (np.abs(away @ right) <= width / 2 + margin)
            & (away[:, 1] <= margin) & (away[:, 1] >= -height - margin))
