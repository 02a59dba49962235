"""Camera 2 and LiDAR of KITTI's car, as the synthetic scenes have them.

The scene's frame is that of camera 2 (x right, y down, z forwards). Labels
and LiDAR go by the rectified frame of camera 0, which stands beside it, as in
the real data.
"""
from functools import lru_cache

import cv2
import numpy as np

from mmxkd.formats.kitti import KittiCalibration
from mmxkd.synthetic.sensors.camera import Camera, scaled_size
from mmxkd.synthetic.sensors.lidar import Lidar

IMAGE_SIZE = (1242, 375)
FOCAL = 721.5377
CENTRE = (609.5593, 172.8540)
HEIGHT = 1.65
"""Metres from the ground to the camera."""
BASELINE = np.array([.06, 0.0, .003])
"""Camera 0 as seen from camera 2, metres."""
# Rotation vectors in degrees and a place in metres, of the size of the real
# ones: a reader that leaves out a matrix or a column is noticed.
_RECTIFYING = (.25, -.42, -.56)
_LIDAR_TILT = (-.85, .43, .08)
_LIDAR_PLACE = (-.004, -.076, -.272)
# LiDAR axes (forwards, left, up) to camera axes (right, down, forwards).
_AXES = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])


@lru_cache(maxsize=4)
def kitti_camera(scale: float) -> Camera:
    """Camera 2, at ``scale`` of the official image size."""
    return Camera(focal=FOCAL * scale,
                  centre=(CENTRE[0] * scale, CENTRE[1] * scale),
                  size=scaled_size(IMAGE_SIZE, scale), offset=(0, 0),
                  scale=scale, height=HEIGHT)


@lru_cache(maxsize=4)
def kitti_calibration(scale: float) -> KittiCalibration:
    """The calibration that goes with :func:`kitti_camera`."""
    camera = kitti_camera(scale)
    intrinsic = np.array([[camera.focal, 0.0, camera.centre[0]],
                          [0.0, camera.focal, camera.centre[1]],
                          [0.0, 0.0, 1.0]])
    tilt = _rotation(_LIDAR_TILT) @ _AXES
    return KittiCalibration(
        P2=intrinsic @ np.column_stack([np.eye(3), BASELINE]),
        R0_rect=_rotation(_RECTIFYING),
        Tr_velo_to_cam=np.column_stack([tilt, _LIDAR_PLACE]))


def kitti_lidar(azimuth_step: float) -> Lidar:
    """The LiDAR that goes with :func:`kitti_calibration`."""
    to_world = kitti_calibration(1.0).lidar_to_camera
    to_world[:3, 3] += BASELINE
    return Lidar(to_world, azimuth_step)


def _rotation(degrees: tuple[float, float, float]) -> np.ndarray:
    return cv2.Rodrigues(np.deg2rad(degrees))[0]
