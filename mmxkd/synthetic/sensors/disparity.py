"""A picture of disparities in OpenCV's JET colours, as MAVD has them.

They come from a sensor that needs no light: noise is the same at night.
"""
import cv2
import numpy as np

from mmxkd.synthetic.worlds.scene import Scene

from .camera import Camera
from .raster import SKY_DEPTH, GBuffer

DISPARITY_STREAM = 8
BASELINE = 0.5
"""Metres between the two views."""
NOISE = 0.1
"""Standard deviation of a disparity, pixels."""


def render_disparity(scene: Scene, surfaces: GBuffer,
                     camera: Camera) -> np.ndarray:
    """The disparities in colours: the nearest pixel red, the sky blue.

    Args:
        scene (Scene): For its random numbers.
        surfaces (GBuffer): What the camera sees.
        camera (Camera): That camera.

    Returns:
        np.ndarray: (H, W, 3) uint8, BGR.
    """
    disparity = np.where(surfaces.depth < SKY_DEPTH,
                         BASELINE * camera.focal / surfaces.depth, 0)
    noise = scene.rng(DISPARITY_STREAM).standard_normal(disparity.shape)
    disparity = np.maximum(disparity + NOISE * noise, 0)
    share = disparity / disparity.max()
    return cv2.applyColorMap(
        np.round(255 * share).astype(np.uint8), cv2.COLORMAP_JET)
