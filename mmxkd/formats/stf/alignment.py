"""Co-registration of the gated and the left RGB camera of STF.

The devkit of Seeing Through Fog (Bijelic et al., CVPR 2020) maps one camera to
the other by a constant homography, fitted to 169 hand-picked point pairs
(median error 2.1 px; parallax and ego-motion are not corrected):

1. RGB 1920x1024: crop rows 202..970 and columns 280..1560, giving 1280x768.
2. Gated 1280x720: resize to 1310x768, apply :data:`HOMOGRAPHY`, drop the last
   30 columns.

Both images must be rectified (:mod:`.rectify`). On the one raw frame that the
devkit shows, edges then agree within 5 pixels.

Two frames of 1280x768 pixels can carry the training images:

* ``'gated'``: the gated image stretched in y by 768/720; RGB is brought there
  by the inverse route.
* ``'rgb'``: the RGB crop; the gated slices are brought there.

Coordinates are continuous (the centre of the first pixel is at 0.5, 0.5), so
that boxes and images scale alike at every resolution.
"""

import cv2
import numpy as np

from mmxkd.errors import ConfigError, check_name

GATED_SIZE = (1280, 720)
LEFT_SIZE = (1920, 1024)
FRAME_SIZE = (1280, 768)
CROP_OFFSET = (280, 202)
PADDED_WIDTH = 1310
HOMOGRAPHY = np.array([
    [1.00345454, 0.02030196, -14.97230719],
    [-0.00398314, 0.96515739, 23.85587054],
    [5.69e-6, 2.79e-6, 1.0],
])
FRAMES = ('gated', 'rgb')
ALIGNMENTS = ('homography', 'crop')


def scaling(x: float, y: float) -> np.ndarray:
    """The (3, 3) matrix that scales points by ``x`` and ``y``."""
    return np.diag([x, y, 1.0])


def translation(x: float, y: float) -> np.ndarray:
    """The (3, 3) matrix that shifts points by ``x`` and ``y``."""
    matrix = np.eye(3)
    matrix[:2, 2] = x, y
    return matrix


def gated_to_left() -> np.ndarray:
    """Homography (3, 3) from a 1280x720 gated to a 1920x1024 left image."""
    stretch = scaling(PADDED_WIDTH / GATED_SIZE[0],
                      FRAME_SIZE[1] / GATED_SIZE[1])
    return translation(*CROP_OFFSET) @ HOMOGRAPHY @ stretch


def transform_points(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Apply a homography to points.

    Args:
        matrix (np.ndarray): Homography, (3, 3).
        points (np.ndarray): (N, 2), pixels.

    Returns:
        np.ndarray: (N, 2) float64, pixels.

    Examples:
        >>> transform_points(translation(2, 3), np.array([[1., 1.]]))
        array([[3., 4.]])
    """
    points = np.asarray(points, dtype=np.float64)
    mapped = points @ matrix[:, :2].T + matrix[:, 2]
    return mapped[:, :2] / mapped[:, 2:]


def frame_to_camera(frame: str, align: str, camera: str) -> np.ndarray:
    """Homography from the frame of the training images to a camera's image.

    Args:
        frame (str): Frame of the training images, ``'gated'`` or ``'rgb'``.
        align (str): ``'homography'``, or ``'crop'``: the RGB crop and the
            stretched gated image are laid over each other as they are.
        camera (str): The camera to go to, ``'gated'`` or ``'left'``.

    Returns:
        np.ndarray: (3, 3), in pixels of the official image sizes.
    """
    for name, known in ((frame, FRAMES), (align, ALIGNMENTS),
                        (camera, ('gated', 'left'))):
        check_name('name', name, known)
    squeeze = scaling(1.0, GATED_SIZE[1] / FRAME_SIZE[1])
    crop = translation(*CROP_OFFSET)
    if camera == 'gated':
        if frame == 'gated' or align == 'crop':
            return squeeze
        return np.linalg.inv(gated_to_left()) @ crop
    if frame == 'rgb' or align == 'crop':
        return crop
    return gated_to_left() @ squeeze


def image_scale(width: int, height: int, official: tuple[int, int]) -> float:
    """Scale of an image against its official size.

    Raises:
        ConfigError: Width and height are not scaled by the same factor.

    Examples:
        >>> image_scale(480, 256, LEFT_SIZE)
        0.25
    """
    scale = width / official[0]
    if abs(height - official[1] * scale) > 0.5 + 1e-6:
        raise ConfigError(
            f'image of {width}x{height} pixels is not a uniformly scaled '
            f'{official[0]}x{official[1]} one')
    return scale


def warp_image(image: np.ndarray, matrix: np.ndarray,
               size: tuple[int, int]) -> np.ndarray:
    """Sample ``image`` (bilinear, 0 outside) at the homography's points.

    Args:
        image (np.ndarray): (H, W) or (H, W, C), uint8, uint16 or float32.
        matrix (np.ndarray): (3, 3), output point to input point, continuous
            coordinates.
        size (tuple[int, int]): Output width and height.

    Returns:
        np.ndarray: Warped image of the input's dtype.
    """
    # OpenCV counts from the centre of the first pixel.
    matrix = translation(-0.5, -0.5) @ matrix @ translation(0.5, 0.5)
    return cv2.warpPerspective(image, matrix, size,
                               flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


def warp_to_frame(image: np.ndarray, matrix: np.ndarray, scale: float,
                  size: tuple[int, int]) -> np.ndarray:
    """Bring a camera's image into the frame of the training images.

    The warp runs at the resolution of the input, and an area average follows
    where the output is smaller, so that fine texture does not alias.

    Args:
        image (np.ndarray): (H, W) or (H, W, C).
        matrix (np.ndarray): What :func:`frame_to_camera` gives.
        scale (float): Input size over the camera's official size.
        size (tuple[int, int]): Output width and height.
    """
    work = (max(round(FRAME_SIZE[0] * scale),
                size[0]), max(round(FRAME_SIZE[1] * scale), size[1]))
    to_full = scaling(FRAME_SIZE[0] / work[0], FRAME_SIZE[1] / work[1])
    warped = warp_image(image, scaling(scale, scale) @ matrix @ to_full, work)
    if work == tuple(size):
        return warped
    return cv2.resize(warped, size, interpolation=cv2.INTER_AREA)
