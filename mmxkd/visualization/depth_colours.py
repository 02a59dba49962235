"""Sparse depth maps as colours."""
import cv2
import matplotlib
import numpy as np

COLOUR_MAP = 'turbo_r'
"""Near is red, far is blue."""
NEAREST_SHARE = 1 / 40
"""Where the scale of colours begins, as a share of its end."""
_HOLE = np.finfo(np.float32).max


def depth_colours(depth: np.ndarray, max_depth: float = 80.0) -> np.ndarray:
    """Colours of depths: red is near, blue far, black no value.

    Equal ratios of depth are equal steps of colour: half of all LiDAR hits in
    the image are nearer than 15 m.

    Args:
        depth (np.ndarray): (H, W) metres, 0 = no value.
        max_depth (float): Metres; what is farther has the same blue, what is
            nearer than :data:`NEAREST_SHARE` of it the same red.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB.
    """
    seen = depth > 0
    share = np.zeros(depth.shape)
    share[seen] = 1 - (np.log(depth[seen] / max_depth) / np.log(NEAREST_SHARE))
    colours = matplotlib.colormaps[COLOUR_MAP](share, bytes=True)[..., :3]
    colours[~seen] = 0
    return colours


def depth_overlay(image: np.ndarray, depth: np.ndarray,
                  max_depth: float = 80.0, radius: int = 1) -> np.ndarray:
    """Draw the hits of a depth map over the image.

    Args:
        image (np.ndarray): (H, W, 3) uint8 RGB.
        depth (np.ndarray): (H, W) metres, 0 = no value.
        max_depth (float): See :func:`depth_colours`.
        radius (int): Each hit is a square of ``2 · radius + 1`` pixels; where
            squares meet, the nearer hit is seen.

    Returns:
        np.ndarray: (H, W, 3) uint8 RGB.

    Raises:
        ValueError: The sizes differ.
    """
    if image.shape[:2] != depth.shape:
        raise ValueError(f'image {image.shape[:2]} and depth {depth.shape} '
                         'differ in size')
    size = 2 * radius + 1
    nearest = cv2.erode(
        np.where(depth > 0, depth, _HOLE).astype(np.float32),
        np.ones((size, size), np.uint8))
    grown = np.where(nearest == _HOLE, 0, nearest)
    return np.where(grown[..., None] > 0, depth_colours(grown, max_depth),
                    image)
