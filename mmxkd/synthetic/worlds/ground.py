"""What the ground is made of: carriageway with lines, pavements and grass."""
import numpy as np

from .scene import Road

GROUND_TEMPERATURE = 11.0
"""Degrees Celsius."""


def ground_kinds(road: Road, x: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The kind of ground at some places, an index into :func:`ground_palette`.

    Args:
        road (Road): The road.
        x (np.ndarray): Metres to the right, any shape.
        z (np.ndarray): Metres ahead, the same shape.

    Returns:
        np.ndarray: uint8, that shape.
    """
    middle = road.left / 2 + road.right / 2 - .8
    left_edge, right_edge = np.abs(x - road.left), np.abs(x - road.right)
    # Later kinds of ground lie over earlier ones.
    kinds = np.zeros(x.shape, np.uint8)
    for kind, where in enumerate(
        ((x > road.left - road.sidewalk)
         & (x < road.right + road.sidewalk),
         (x > road.left) & (x < road.right), (np.abs(x - middle) < .08)
         & (np.mod(z + road.dash_phase, 9) < 4),
         np.minimum(np.abs(x - road.left - .25), np.abs(x - road.right + .25))
         < .07, np.minimum(left_edge, right_edge) < .1), start=1):
        kinds[where] = kind
    return kinds


def ground_palette(road: Road) -> np.ndarray:
    """(6, 4) uint8: red, green, blue and NIR reflectance of every kind, as
    they stand in the canvas.
    """
    asphalt = int(255 * road.asphalt)
    grass, pavement = (36, 52, 24, 70), (82, 80, 76, 38)
    paint = (170, 170, 165, 130)
    return np.array([
        grass, pavement, (asphalt, asphalt, asphalt, 22), paint, paint,
        (110, 108, 104, 60)
    ], np.uint8)
