"""Projection of a LiDAR scan into the image: sparse depth maps."""
import numpy as np

from .calibration import KittiCalibration

# The float32 test is made this share of the width outside of the image. Where
# a point is seen at distance d, that is more than d / 1000 metres for lenses
# of 6° to 160°; the error of the test is below 5e-7 · (d + distance of the
# LiDAR from the camera).
_RIM = 0.01
# Metres; for that last term.
_SLACK = 1e-3


def project_depth(points: np.ndarray, calibration: KittiCalibration,
                  height: int, width: int) -> np.ndarray:
    """Depth of the nearest LiDAR hit in every pixel.

    A point falls into the pixel ``(floor(v), floor(u))``: pixels are
    continuous, the first one spans 0..1, as in all of this package. (Others
    round, with or without a subsequent -1; the calibration does not settle
    half a pixel.) The depth is z in the rectified camera frame, R0 · Tr · x,
    while u and v are divided by q2, which is z + P2[2, 3]. Points that are
    not before the camera (z ≤ 0 or q2 ≤ 0) or outside of the image are
    dropped.

    All of this is computed in float64, whatever the dtype of ``points``;
    only the result is rounded to float32. A test in float32, with a bound on
    its error, drops beforehand what cannot lie between the left and the right
    border, most of a scan, and nothing else.

    Args:
        points (np.ndarray): (N, 3) or more columns: x, y, z in the LiDAR
            frame, metres.
        calibration (KittiCalibration): Of the frame.
        height, width (int): Of the image, in pixels.

    Returns:
        np.ndarray: (height, width) float32 metres, 0 = no value.

    Raises:
        ValueError: ``points`` has another shape, or holds NaN, Inf or numbers
            whose sum is infinite.
    """
    if points.ndim != 2 or points.shape[1] < 3:
        raise ValueError('expected points (N, 3) or (N, 4), got '
                         f'{points.shape}')
    if len(points) == 0:
        return np.zeros((height, width), np.float32)
    to_camera, to_image = (calibration.lidar_to_camera,
                           calibration.lidar_to_image)
    kept = _perhaps_inside(points, to_image, width)
    # One row a coordinate: contiguous for all that follows.
    xyz = np.array(points.take(kept, axis=0).T[:3], np.float64, order='C')
    rows = np.vstack([to_image, to_camera[2]])
    u, v, q2, z = values = rows[:, :3] @ xyz
    values += rows[:, 3:]
    with np.errstate(divide='ignore', over='ignore', invalid='ignore'):
        values[:2] /= q2  # not finite where q2 is 0, and dropped there
    inside = ((z > 0) & (q2 > 0)
              & (u >= 0) & (u < width) & (v >= 0) & (v < height))
    # Values are not negative here, so that truncation is floor.
    pixels = (v[inside].astype(np.intp) * width + u[inside].astype(np.intp))
    depth = np.zeros(height * width, np.float32)
    depth[pixels] = np.inf
    # Rounding is monotonic: the least float32 is that of the least float64.
    np.minimum.at(depth, pixels, z[inside].astype(np.float32))
    return depth.reshape(height, width)


def _perhaps_inside(points: np.ndarray, to_image: np.ndarray,
                    width: int) -> np.ndarray:
    """Indices of all points between the left and right border, and few others.

    A scan looks all around and the camera to one side: most points lie
    beyond the plane through one of these borders.
    """
    rim = _RIM * width
    planes = np.stack([
        to_image[0] + rim * to_image[2],
        (width + rim) * to_image[2] - to_image[0]
    ])
    planes /= np.linalg.norm(planes[:, :3], axis=1, keepdims=True)
    # Further columns of the points, such as the reflectance, count 0.
    dtype = np.result_type(points, np.float32)
    normals = np.zeros((points.shape[1], 2), dtype)
    normals[:3] = planes[:, :3].T
    with np.errstate(over='ignore', invalid='ignore'):
        metres = points @ normals
        # A product with NaN or Inf is not finite, and stays so in a sum.
        finite = np.isfinite(metres.sum())
    if not finite:
        raise ValueError('NaN or Inf among the points, or so large that '
                         'their sum is')
    # The lower of both bounds, so that one contiguous test does.
    within = metres > -float(planes[:, 3].max()) - _SLACK
    # Two bools read as one number: 15 times as fast as all(axis=1).
    return np.flatnonzero(within.view(np.uint16) == 0x0101)
