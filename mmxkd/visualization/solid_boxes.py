"""3-D boxes of mmdet3d's samples: in the picture, and from above."""
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

#: Two sides of four corners each, and what joins them, as mmdet3d orders the
#: corners of all its boxes.
_EDGES = np.array([(0, 1), (1, 2), (2, 3), (3, 0), (4, 5), (5, 6), (6, 7),
                   (7, 4), (0, 4), (1, 5), (2, 6), (3, 7)])
#: Metres before the camera where edges are left out.
_NEAR = 0.1


@dataclass(frozen=True)
class SolidBoxes:
    """3-D boxes of a sample.

    Attributes:
        corners: (N, 8, 3) metres, in the frame of the sensor.
        labels: (N, ) numbers of classes.
        edges: (N, 12, 2, 2) ends of the edges x, y in pixels of the packed
            picture; NaN where they cannot be seen or the camera is unknown.
        frame: ``'camera'`` or ``'lidar'``; empty without boxes.
    """

    corners: np.ndarray = field(default_factory=lambda: np.zeros((0, 8, 3)))
    labels: np.ndarray = field(default_factory=lambda: np.zeros(0, int))
    edges: np.ndarray = field(default_factory=lambda: np.zeros((0, 12, 2, 2)))
    frame: str = ''


def solid_boxes_of(sample: Any, map_stride: float = 1.0) -> SolidBoxes:
    """The 3-D boxes of a data sample; none where it has none.

    Args:
        sample: A data sample.
        map_stride (float): Pixels per cell of its ``trans_mat``.
    """
    instances = getattr(sample, 'gt_instances_3d', None)
    if instances is None or 'bboxes_3d' not in instances:
        return SolidBoxes()
    boxes = instances.bboxes_3d
    corners = boxes.corners.detach().cpu().numpy().astype(float)
    labels = (instances.labels_3d.detach().cpu().numpy() if 'labels_3d'
              in instances else np.zeros(len(corners), int))
    camera = type(boxes).__name__.startswith('Camera')
    matrix = picture_matrix(sample.metainfo, camera, map_stride)
    edges = (np.full(
        (len(corners), 12, 2,
         2), np.nan) if matrix is None else project(corners, matrix)[:,
                                                                     _EDGES])
    return SolidBoxes(corners, labels, edges, 'camera' if camera else 'lidar')


def picture_matrix(meta: Mapping[str, Any], camera: bool,
                   map_stride: float = 1.0) -> np.ndarray | None:
    """(3, 4) from metres to pixels of the packed picture.

    Args:
        meta (Mapping): Meta information of a sample.
        camera (bool): Metres in the camera's frame, else in the LiDAR's.
        map_stride (float): See :func:`solid_boxes_of`.

    Returns:
        np.ndarray: None where the sample does not say, or where the points
        of the LiDAR were moved: they do not fit the picture any more.
    """
    key = 'cam2img' if camera else 'lidar2img'
    if key not in meta or (not camera and meta.get('transformation_3d_flow')):
        return None
    found = np.asarray(meta[key], float)
    if found.ndim != 2:  # One per camera.
        return None
    matrix = np.zeros((3, 4))
    matrix[:, :found.shape[1]] = found[:3, :4]
    if 'trans_mat' in meta:
        # From the file to cells of the map of a head, and back to pixels.
        moved = np.diag([map_stride, map_stride, 1]) @ meta['trans_mat']
        return moved @ matrix
    if not camera:
        # mmdet3d moves the matrix of a camera with the picture, and leaves
        # that of a LiDAR.
        factors = np.asarray(meta.get('scale_factor', (1.0, 1.0)),
                             float).reshape(-1)[:2]
        matrix = np.diag([*np.broadcast_to(factors, 2), 1]) @ matrix
        if meta.get('flip') and 'img_shape' in meta:
            width = meta['img_shape'][1]
            mirror = np.array([[-1, 0, width - 1], [0, 1, 0], [0, 0, 1]])
            matrix = mirror @ matrix
    return matrix


def project(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """(…, 3) metres to (…, 2) pixels; NaN behind the camera."""
    moved = points @ matrix[:, :3].T + matrix[:, 3]
    depth = np.where(moved[..., 2:] > _NEAR, moved[..., 2:], np.nan)
    return moved[..., :2] / depth


def seen_from_above(points: np.ndarray, solids: SolidBoxes,
                    size: int = 480) -> tuple[np.ndarray, np.ndarray]:
    """A picture of a LiDAR's points, and the boxes on it.

    Forward is up, left is left; the picture holds the nearest 98 % of all
    points, and is square. Colours say the height: red is high.

    Args:
        points (np.ndarray): (N, 3+) x forward, y left, z up, metres.
        solids (SolidBoxes): In the frame of the LiDAR.
        size (int): Pixels of a side.

    Returns:
        tuple: (size, size, 3) uint8 RGB, and (M, 5, 2) closed outlines of the
        boxes, x and y in pixels.
    """
    import matplotlib
    centre, half = np.zeros(2), 1.0
    if len(points):
        flat = points[:, :2].astype(float)
        low, high = np.percentile(flat, (1, 99), axis=0)
        centre, half = (low + high) / 2, max((high - low).max() / 2, 1.0)

    def pixels(metres: np.ndarray) -> np.ndarray:
        moved = (metres - centre) / half
        return (1 - moved[..., ::-1]) * size / 2

    picture = np.zeros((size, size, 3), np.uint8)
    if len(points):
        place = np.floor(pixels(flat)).astype(int)
        inside = ((place >= 0) & (place < size)).all(1)
        low, high = np.percentile(points[:, 2], (2, 98))
        share = np.clip((points[:, 2] - low) / max(high - low, 1e-6), 0, 1)
        order = np.argsort(share[inside])
        colours = matplotlib.colormaps['turbo'](share, bytes=True)[:, :3]
        place, colours = place[inside][order], colours[inside][order]
        picture[place[:, 1], place[:, 0]] = colours
    if solids.frame != 'lidar':
        return picture, np.zeros((0, 5, 2))
    # The bottom: each of these is below one of the others.
    outlines = solids.corners[:, [0, 3, 7, 4, 0], :2]
    return picture, pixels(outlines)
