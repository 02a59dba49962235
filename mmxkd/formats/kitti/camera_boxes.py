"""3-D boxes in KITTI's camera frame: from detectors' frames, and into images.

KITTI's camera frame is the rectified one: x to the right, y down, z forward.
A box is given by its bottom centre, its height, width and length, and by its
rotation about the y axis, 0 where its length lies along x.
"""
from typing import NamedTuple

import numpy as np

#: Metres before the camera where boxes are cut, as in KITTI's own devkit
#: (``computeBox3D.m`` draws nothing nearer).
NEAR = 0.1


class CameraBoxes(NamedTuple):
    """N boxes as KITTI's files hold them, float64.

    Attributes:
        location: (N, 3) bottom centres x, y, z, metres.
        dimensions: (N, 3) height, width, length, metres.
        rotation_y: (N,) radians, in [-pi, pi).
    """

    location: np.ndarray
    dimensions: np.ndarray
    rotation_y: np.ndarray


def wrap_angle(angle: np.ndarray) -> np.ndarray:
    """The same angles in [-pi, pi)."""
    return (angle + np.pi) % (2 * np.pi) - np.pi


def from_camera_rows(boxes: np.ndarray) -> CameraBoxes:
    """Rows of ``CameraInstance3DBoxes.tensor``.

    Args:
        boxes (np.ndarray): (N, 7+) bottom centre x, y, z; length, height,
            width; rotation about y.
    """
    return CameraBoxes(boxes[:, :3], boxes[:, [4, 5, 3]],
                       wrap_angle(boxes[:, 6]))


def from_lidar_rows(boxes: np.ndarray, lidar2cam: np.ndarray) -> CameraBoxes:
    """Rows of ``LiDARInstance3DBoxes.tensor``.

    The inverse of how KITTI's labels are turned into such boxes: the bottom
    centre is moved by the matrix, and the angle as if the axes of the two
    sensors were parallel.

    Args:
        boxes (np.ndarray): (N, 7+) bottom centre x (forward), y (left), z
            (up); length, width, height; yaw about z, 0 along x.
        lidar2cam (np.ndarray): (4, 4) from the LiDAR's to the rectified
            camera's frame, ``R0_rect @ Tr_velo_to_cam``.
    """
    location = boxes[:, :3] @ lidar2cam[:3, :3].T + lidar2cam[:3, 3]
    return CameraBoxes(location, boxes[:, [5, 4, 3]],
                       wrap_angle(-boxes[:, 6] - np.pi / 2))


def observation_angle(boxes: CameraBoxes) -> np.ndarray:
    """KITTI's alpha: the rotation that the camera sees, in [-pi, pi).

    Returns:
        np.ndarray: (N,), ``rotation_y - atan2(x, z)``.
    """
    x, z = boxes.location[:, 0], boxes.location[:, 2]
    return wrap_angle(boxes.rotation_y - np.arctan2(x, z))


# Corner k of the unit box: bit 0 is the end of the length, bit 1 the top,
# bit 2 the side of the width.
_BITS = (np.arange(8)[:, None] >> np.arange(3)) & 1
_EDGES = np.array([(a, a | bit) for bit in (1, 2, 4) for a in range(8)
                   if not a & bit])


def box_corners(boxes: CameraBoxes) -> np.ndarray:
    """The eight corners of each box.

    Returns:
        np.ndarray: (N, 8, 3) x, y, z, metres.
    """
    height, width, length = boxes.dimensions.T[:, :, None]
    along = (_BITS[:, 0] - 0.5) * length
    aside = (_BITS[:, 2] - 0.5) * width
    up = _BITS[:, 1] * height
    cos = np.cos(boxes.rotation_y)[:, None]
    sin = np.sin(boxes.rotation_y)[:, None]
    offset = np.stack(
        [cos * along + sin * aside, -up, -sin * along + cos * aside], axis=-1)
    return boxes.location[:, None] + offset


def project_boxes(boxes: CameraBoxes, cam2img: np.ndarray,
                  near: float = NEAR) -> np.ndarray:
    """The rectangle around the picture of each box, not clipped to the image.

    What lies behind the near plane is cut off, along the edges of the box:
    the projection of a corner behind the camera would be a mirror image.

    Args:
        boxes (CameraBoxes): N boxes.
        cam2img (np.ndarray): (3, 4) projection, KITTI's P2.
        near (float): Distance of the near plane, metres.

    Returns:
        np.ndarray: (N, 4) x1, y1, x2, y2, pixels; +inf, +inf, -inf, -inf for
        a box that lies wholly behind the near plane.
    """
    corners = box_corners(boxes) @ cam2img[:, :3].T + cam2img[:, 3]
    cuts, crosses = _cut_edges(corners, near)
    points = np.concatenate([corners, cuts], axis=1)
    visible = np.concatenate([corners[..., 2] >= near, crosses], axis=1)
    pixels = points[..., :2] / np.where(visible, points[..., 2], 1.)[..., None]
    shown = visible[..., None]
    return np.concatenate([
        np.where(shown, pixels, np.inf).min(axis=1),
        np.where(shown, pixels, -np.inf).max(axis=1)
    ], axis=1)


def project_edges(boxes: CameraBoxes, cam2img: np.ndarray,
                  near: float = NEAR) -> np.ndarray:
    """The twelve edges of each box, to be drawn; the first four lengthwise.

    Args:
        boxes (CameraBoxes): N boxes.
        cam2img (np.ndarray): (3, 4) projection, KITTI's P2.
        near (float): Distance of the near plane, metres; what lies behind it
            is cut off.

    Returns:
        np.ndarray: (N, 12, 2, 2), two ends x, y, pixels; NaN for an edge that
        lies wholly behind the near plane.
    """
    corners = box_corners(boxes) @ cam2img[:, :3].T + cam2img[:, 3]
    cuts, _ = _cut_edges(corners, near)
    ends = corners[:, _EDGES]
    hidden = ends[..., 2] < near
    ends = np.where(hidden[..., None], cuts[:, :, None], ends)
    gone = hidden.all(axis=-1)[..., None, None]
    return np.where(gone, np.nan,
                    ends[..., :2] / np.where(gone, 1., ends[..., 2:]))


def _cut_edges(corners: np.ndarray,
               near: float) -> tuple[np.ndarray, np.ndarray]:
    """Where the edges (N, 12, 3) meet the near plane, and which do."""
    start, end = corners[:, _EDGES[:, 0]], corners[:, _EDGES[:, 1]]
    ahead, behind = start[..., 2] - near, near - end[..., 2]
    crosses = ahead * behind > 0
    share = ahead / np.where(crosses, ahead + behind, 1.)
    return start + share[..., None] * (end - start), crosses


def clip_boxes(boxes: np.ndarray, width: int, height: int) -> np.ndarray:
    """Boxes within the pixels of an image: x in [0, w - 1], y in [0, h - 1].

    Args:
        boxes (np.ndarray): (N, 4) x1, y1, x2, y2.
        width (int): Of the image.
        height (int): Of the image.
    """
    return np.clip(boxes, 0, [width - 1, height - 1] * 2)


def touches_image(boxes: np.ndarray, width: int, height: int) -> np.ndarray:
    """Which boxes reach into an image, (N,) bool.

    Args:
        boxes (np.ndarray): (N, 4) x1, y1, x2, y2, not clipped.
        width (int): Of the image.
        height (int): Of the image.
    """
    begins = (boxes[:, :2] <= [width - 1, height - 1]).all(axis=1)
    return np.logical_and(begins, (boxes[:, 2:] >= 0).all(axis=1))
