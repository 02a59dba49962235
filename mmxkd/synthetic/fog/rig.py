"""The gated camera and the left RGB camera of Seeing Through Fog.

The gated camera looks at the scene; around its image lies a margin wide enough
to hold all that the left RGB camera sees after the constant homography of
:mod:`mmxkd.formats.stf.alignment`.
"""
from functools import lru_cache

from mmxkd.formats.stf.alignment import GATED_SIZE, LEFT_SIZE
from mmxkd.synthetic.sensors.camera import Camera, scaled_size

GATED_FOCAL = 2322.4
GATED_CENTRE = (667.777, 261.144)
LEFT_FOCAL = 2355.7228
LEFT_CENTRE = (988.138, 508.052)
# Left, top, right, bottom, in pixels of the official gated image.
MARGIN = (320, 280, 360, 120)


@lru_cache(maxsize=4)
def canvas_camera(scale: float) -> Camera:
    """The gated camera with its margin, at ``scale`` of the official size."""
    left, top, right, bottom = (round(m * scale) for m in MARGIN)
    width, height = scaled_size(GATED_SIZE, scale)
    return Camera(
        focal=GATED_FOCAL * scale,
        centre=(GATED_CENTRE[0] * scale + left, GATED_CENTRE[1] * scale + top),
        size=(left + width + right, top + height + bottom), offset=(left, top),
        scale=scale)


def calibration(kind: str, scale: float) -> dict:
    """Content of a ``calib_*.json``: ROS' camera info of both cameras.

    Args:
        kind (str): ``'gated'`` or ``'left'``.
        scale (float): Size over the official size.
    """
    focal, centre, official = {
        'gated': (GATED_FOCAL, GATED_CENTRE, GATED_SIZE),
        'left': (LEFT_FOCAL, LEFT_CENTRE, LEFT_SIZE),
    }[kind]
    width, height = scaled_size(official, scale)
    f, cx, cy = focal * scale, centre[0] * scale, centre[1] * scale
    return {
        'width': width,
        'height': height,
        'distortion_model': 'plumb_bob',
        'D': [0.0] * 5,
        'K': [f, 0.0, cx, 0.0, f, cy, 0.0, 0.0, 1.0],
        'R': [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        'P': [f, 0.0, cx, 0.0, 0.0, f, cy, 0.0, 0.0, 0.0, 1.0, 0.0],
    }
