"""The pinhole camera that all images of a scene are drawn with."""
from dataclasses import dataclass

import numpy as np

from mmxkd.synthetic.worlds.scene import CAMERA_HEIGHT

_NEAREST = 0.5


@dataclass(frozen=True)
class Camera:
    """Pinhole camera; pixels are continuous, the first spans 0..1.

    Attributes:
        focal: Focal length, pixels.
        centre: Principal point, pixels.
        size: Width and height, pixels.
        offset: Left upper corner of the gated image in this one, pixels.
        scale: Size over that of the official images.
        height: Metres above the ground.
    """

    focal: float
    centre: tuple[float, float]
    size: tuple[int, int]
    offset: tuple[int, int]
    scale: float
    height: float = CAMERA_HEIGHT

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixels (N, 2) of world points (N, 3)."""
        depth = np.maximum(points[:, 2:], _NEAREST)
        return points[:, :2] / depth * self.focal + self.centre

    def rays(self) -> tuple[np.ndarray, np.ndarray]:
        """x / z of every column (W, ) and y / z of every row (H, )."""
        width, height = self.size
        return ((np.arange(width) + .5 - self.centre[0]) / self.focal,
                (np.arange(height) + .5 - self.centre[1]) / self.focal)


def scaled_size(official: tuple[int, int], scale: float) -> tuple[int, int]:
    """Width and height of an official image at ``scale``."""
    return round(official[0] * scale), round(official[1] * scale)
