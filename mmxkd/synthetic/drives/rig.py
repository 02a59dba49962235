"""The camera and the microphones of the car.

The car's frame: x right, y down, z forwards, the camera at its origin.
"""
from functools import lru_cache

import numpy as np

from mmxkd.formats.mavd.layout import MICROPHONES
from mmxkd.synthetic.sensors.camera import Camera, scaled_size
from mmxkd.synthetic.sensors.microphones import MicrophoneRig, Motion
from mmxkd.synthetic.worlds.scene import CAMERA_HEIGHT

PICTURE_SIZE = (1280, 512)
FOCAL = 760.0
CENTRE = (640.0, 215.0)
RING_RADIUS = 0.6
"""Metres from the middle of the roof to each microphone."""
RING_CENTRE = np.array([0.0, -0.2, -0.6])
"""The middle of the roof, 1.6 m above the ground."""
ENGINE_PLACE = np.array([0.0, 0.8, 1.4])
"""Where the sound of the own car comes from."""


@lru_cache(maxsize=4)
def drive_camera(scale: float) -> Camera:
    """The camera, at ``scale`` of 1280 x 512 pixels: 80 degrees wide."""
    return Camera(focal=FOCAL * scale,
                  centre=(CENTRE[0] * scale, CENTRE[1] * scale),
                  size=scaled_size(PICTURE_SIZE, scale), offset=(0, 0),
                  scale=scale)


def microphone_places() -> np.ndarray:
    """(8, 3) metres: a ring on the roof, the first one in front, clockwise
    seen from above.
    """
    angles = 2 * np.pi * np.arange(MICROPHONES) / MICROPHONES
    ring = np.stack([np.sin(angles), np.zeros(MICROPHONES), np.cos(angles)], 1)
    return RING_CENTRE + RING_RADIUS * ring


def mirrored_microphones() -> list[int]:
    """The microphone that hears a mirrored world in place of each one."""
    return [-k % MICROPHONES for k in range(MICROPHONES)]


def drive_microphones(own: Motion) -> MicrophoneRig:
    """The microphones of a car that moves.

    Args:
        own (Motion): Of the camera.
    """
    return MicrophoneRig(microphone_places(), own, CAMERA_HEIGHT)
