"""The box around what an image shows of a 3-D box."""
import numpy as np

from .camera_boxes import NEAR, CameraBoxes, box_corners

# The four corners of each side, going round; corner k has the end of the
# length, of the height and of the width by its bits 0, 1 and 2.
_SIDES = np.array([[base, base | p, base | p | q, base | q]
                   for bit, p, q in ((1, 2, 4), (2, 4, 1), (4, 1, 2))
                   for base in (0, bit)])


def visible_boxes(boxes: CameraBoxes, cam2img: np.ndarray, width: int,
                  height: int) -> np.ndarray:
    """The tight boxes of the visible parts.

    Each side of a box is cut by the near plane and by the borders of the
    image (Sutherland and Hodgman, 1974). That is tighter than to clip the
    rectangle around the whole box: a car that leaves the image through a
    corner has its highest point outside.

    Args:
        boxes (CameraBoxes): N boxes.
        cam2img (np.ndarray): (3, 4) projection, KITTI's P2.
        width (int): Of the image.
        height (int): Of the image.

    Returns:
        np.ndarray: (N, 4) x1, y1, x2, y2 in [0, width - 1] and
        [0, height - 1]; NaN for a box that the image does not show.
    """
    # Of (q0, q1, q2, 1), where u = q0 / q2 and v = q1 / q2.
    planes = np.array([[0., 0., 1., -NEAR], [1., 0., 0., 0.],
                       [-1., 0., width - 1., 0.], [0., 1., 0., 0.],
                       [0., -1., height - 1., 0.]])
    projected = box_corners(boxes) @ cam2img[:, :3].T + cam2img[:, 3]
    corners = np.concatenate(
        [projected, np.ones((*projected.shape[:2], 1))], axis=2)
    result = np.full((len(corners), 4), np.nan)
    for k, box in enumerate(corners):
        sides = [box[side] for side in _SIDES]
        for plane in planes:
            sides = [_cut(side, plane) for side in sides]
        seen = np.concatenate(sides)
        if len(seen):
            pixels = seen[:, :2] / seen[:, 2:3]
            result[k] = [*pixels.min(axis=0), *pixels.max(axis=0)]
    return result


def _cut(polygon: np.ndarray, plane: np.ndarray) -> np.ndarray:
    """The part of a convex polygon, (M, 4), on one side of a plane."""
    distance = polygon @ plane
    following = np.roll(polygon, -1, axis=0)
    beyond = np.roll(distance, -1)
    crosses = distance * beyond < 0
    share = distance / np.where(crosses, distance - beyond, 1.)
    cuts = polygon + share[:, None] * (following - polygon)
    points = np.stack([polygon, cuts], axis=1).reshape(-1, 4)
    return points[np.stack([distance >= 0, crosses], axis=1).ravel()]
