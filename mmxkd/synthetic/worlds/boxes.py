"""Tight 3-D boxes around objects."""
from dataclasses import dataclass

import numpy as np

from .scene import Capsule, SceneObject
from .shapes import axes


@dataclass(frozen=True)
class Box:
    """Upright box around all parts of an object.

    Attributes:
        bottom: Centre of its lower face, on the ground, (3, ) metres, world.
        size: Height, width, length, metres.
        yaw: Heading about y, radians; 0 looks along +z.
    """

    bottom: np.ndarray
    size: tuple[float, float, float]
    yaw: float

    def corners(self) -> np.ndarray:
        """(8, 3): the lower four around, then the upper four."""
        height, width, length = self.size
        forward, right = axes(self.yaw)
        flat = [
            side * width / 2 * right + end * length / 2 * forward
            for side, end in ((-1, -1), (1, -1), (1, 1), (-1, 1))
        ]
        lower = self.bottom + np.array(flat)
        return np.concatenate([lower, lower - [0, height, 0]])


def box_of(thing: SceneObject) -> Box:
    """The box of an object, from its parts and its heading."""
    forward, right = axes(thing.yaw)
    basis = np.stack([right, [0.0, -1.0, 0.0], forward])
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    for part in thing.parts:
        if isinstance(part, Capsule):
            points = np.stack([part.start, part.end])
            radii = np.array(part.radii)[:, None]
        else:
            points, radii = part.points, np.zeros((1, 1))
        own = (points - thing.position) @ basis.T
        low = np.minimum(low, (own - radii).min(0))
        high = np.maximum(high, (own + radii).max(0))
    middle = (low + high) / 2
    middle[1] = 0.0  # boxes stand on the ground, as things do
    _, _, length = high - low
    return Box(thing.position + middle @ basis,
               (float(high[1]), float(high[0] - low[0]), float(length)),
               thing.yaw)
