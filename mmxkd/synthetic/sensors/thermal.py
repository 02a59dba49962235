"""A thermal camera: temperatures of surfaces, by day as at night.

Surfaces are taken for black bodies: glass does not mirror the cold sky.
"""
import cv2
import numpy as np

from mmxkd.synthetic.worlds.scene import Scene

from .raster import GBuffer

THERMAL_STREAM = 7
COUNTS_PER_DEGREE = 40.0
COUNTS_AT_ZERO = 22600.0
"""Counts at 0 degrees Celsius. MM-DistillNet's window from 21800 to 25000
counts is from -20 to 60 degrees."""
NOISE = 0.15
"""Standard deviation of a pixel, degrees."""
# The optics' blur: standard deviation in pixels.
_BLUR = 0.6


def render_thermal(scene: Scene, surfaces: GBuffer) -> np.ndarray:
    """The picture of a thermal camera in the place of the RGB camera.

    Args:
        scene (Scene): For its random numbers.
        surfaces (GBuffer): What the camera sees.

    Returns:
        np.ndarray: (H, W) uint16 counts, 40 per degree.
    """
    seen = cv2.GaussianBlur(surfaces.temperature, (0, 0), _BLUR)
    noise = scene.rng(THERMAL_STREAM).standard_normal(seen.shape,
                                                      dtype=np.float32)
    counts = COUNTS_AT_ZERO + COUNTS_PER_DEGREE * (seen + NOISE * noise)
    return np.clip(np.round(counts), 0, 65535).astype(np.uint16)
