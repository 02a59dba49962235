"""A frame as an entry of an info file, in mmdet3d's schema 1.1.

The same JSON is read by mmdet3d's ``KittiDataset`` (which asks for the file
name only, not for pickle) and by ``mmxkd.KittiDataset``. Matrices are
homogeneous, (4, 4); 3-D boxes stay as in the label file, in the rectified
camera frame, in mmdet3d's order: bottom centre x, y, z; length, height,
width; rotation_y.
"""
from typing import Any

import numpy as np

from .calibration import KittiCalibration
from .camera_boxes import CameraBoxes
from .difficulty import TOO_HARD, grade
from .infos import CAMERA
from .objects import KittiObjects
from .visible_box import visible_boxes

CATEGORIES = ('Pedestrian', 'Cyclist', 'Car', 'Van', 'Truck', 'Person_sitting',
              'Tram', 'Misc')
"""Label k is the name k. The order is mmdet3d's: it stands in its files."""
DONT_CARE = 'DontCare'
NUM_POINT_FEATURES = 4


class NoProjectionError(ValueError):
    """An object's centre lies in the plane of the camera.

    Args:
        index (int): The object among the labels of its frame.
    """

    def __init__(self, index: int) -> None:
        self.index = index
        super().__init__('the centre lies in the plane of the camera, from '
                         'where nothing comes into the image')


def label_of(name: str) -> int:
    """Index into :data:`CATEGORIES`, -1 for DontCare."""
    return -1 if name == DONT_CARE else CATEGORIES.index(name)


def metainfo_of(split: str) -> dict[str, Any]:
    """What stands in the info file of a split beside its frames."""
    categories = {name: k for k, name in enumerate(CATEGORIES)}
    return {
        'dataset': 'kitti', 'info_version': '1.1', 'split': split,
        'categories': {**categories, DONT_CARE: -1}
    }


def frame_info(frame_id: str, size: tuple[int, int],
               calibration: KittiCalibration, points: np.ndarray,
               objects: KittiObjects | None) -> dict[str, Any]:
    """The entry of one frame.

    Args:
        frame_id (str): Six digits.
        size (tuple[int, int]): Width and height of the image.
        calibration (KittiCalibration): Of the frame.
        points (np.ndarray): (P, 4) its scan, LiDAR frame.
        objects (KittiObjects | None): Its labels; None for test frames.

    Returns:
        dict: JSON types only.

    Raises:
        NoProjectionError: The centre of an object has no place in the image.
    """
    lidar2cam = calibration.lidar_to_camera
    cam2img = np.eye(4)
    cam2img[:3] = calibration.P2
    info: dict[str, Any] = {
        'sample_idx': int(frame_id),
        'images': {
            CAMERA: {
                'img_path': f'{frame_id}.png',
                'width': size[0],
                'height': size[1],
                'cam2img': cam2img.tolist(),
                'lidar2cam': lidar2cam.tolist(),
                'lidar2img': (cam2img @ lidar2cam).tolist(),
            }
        },
        'lidar_points': {
            'lidar_path': f'{frame_id}.bin',
            'num_pts_feats': NUM_POINT_FEATURES,
        },
        'instances': [],
        'cam_instances': {CAMERA: []},
    }
    if objects is not None:
        seen = _points_in_view(points, calibration, size)
        info['instances'] = _instances(objects, calibration, seen)
        info['cam_instances'][CAMERA] = _camera_instances(
            objects, calibration, size)
    return info


def _instances(objects: KittiObjects, calibration: KittiCalibration,
               points: np.ndarray) -> list[dict[str, Any]]:
    """One entry for each line of the label file, DontCare too."""
    labels = [label_of(name) for name in objects.name]
    real = np.array(labels) >= 0
    index = np.where(real, np.cumsum(real) - 1, -1)
    grades = np.where(real,
                      grade(objects.bbox, objects.occluded, objects.truncated),
                      TOO_HARD)
    hits = np.where(real, points_in_boxes(points, _boxes(objects)), -1)
    centers, depths = _projected_centers(objects, calibration)
    boxes_3d = _rows_of(objects)
    return [{
        'bbox': objects.bbox[k].tolist(),
        'bbox_label': label,
        'bbox_3d': boxes_3d[k].tolist(),
        'bbox_label_3d': label,
        'center_2d': centers[k].tolist(),
        'depth': float(depths[k]),
        'truncated': float(objects.truncated[k]),
        'occluded': int(objects.occluded[k]),
        'alpha': float(objects.alpha[k]),
        'score': 0.0,
        'index': int(index[k]),
        'group_id': k,
        'difficulty': int(grades[k]),
        'num_lidar_pts': int(hits[k]),
    } for k, label in enumerate(labels)]


def _camera_instances(objects: KittiObjects, calibration: KittiCalibration,
                      size: tuple[int, int]) -> list[dict[str, Any]]:
    """Objects that the image shows, boxed by their projected 3-D box."""
    boxes = visible_boxes(_boxes(objects), calibration.P2, *size)
    centers, depths = _projected_centers(objects, calibration)
    boxes_3d = _rows_of(objects)
    shown = ~np.isnan(boxes[:, 0]) & (depths > 0)
    return [{
        'bbox': boxes[k].tolist(),
        'bbox_label': label_of(objects.name[k]),
        'bbox_3d': boxes_3d[k].tolist(),
        'bbox_label_3d': label_of(objects.name[k]),
        'bbox_3d_isvalid': True,
        'center_2d': centers[k].tolist(),
        'depth': float(depths[k]),
        'velocity': -1,
    } for k in np.flatnonzero(shown) if label_of(objects.name[k]) >= 0]


def _boxes(objects: KittiObjects) -> CameraBoxes:
    return CameraBoxes(objects.location, objects.dimensions,
                       objects.rotation_y)


def _rows_of(objects: KittiObjects) -> np.ndarray:
    """(N, 7) x, y, z, length, height, width, rotation_y."""
    return np.column_stack([
        objects.location, objects.dimensions[:, [2, 0, 1]], objects.rotation_y
    ])


def _projected_centers(
        objects: KittiObjects,
        calibration: KittiCalibration) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (N, 2) of the box centres, and what they were divided by (N,).

    The latter is mmdet3d's depth: z plus the last number of P2, millimetres.
    """
    centers = objects.location.copy()
    centers[:, 1] -= objects.dimensions[:, 0] / 2
    depth = centers @ calibration.P2[2, :3] + calibration.P2[2, 3]
    if not depth.all():
        raise NoProjectionError(int(np.flatnonzero(depth == 0)[0]))
    return calibration.project(centers), depth


def _points_in_view(points: np.ndarray, calibration: KittiCalibration,
                    size: tuple[int, int]) -> np.ndarray:
    """(Q, 3) those points that the image shows, rectified camera frame."""
    to_camera = calibration.lidar_to_camera[:3]
    camera = points[:, :3] @ to_camera[:, :3].T + to_camera[:, 3]
    camera = camera[camera[:, 2] > 0]
    pixels = calibration.project(camera)
    return camera[np.all((pixels >= 0) & (pixels < size), axis=1)]


def points_in_boxes(points: np.ndarray, boxes: CameraBoxes) -> np.ndarray:
    """How many points lie in each box.

    Args:
        points (np.ndarray): (P, 3), rectified camera frame.
        boxes (CameraBoxes): N boxes.

    Returns:
        np.ndarray: (N,) int.
    """
    counts = np.zeros(len(boxes.location), dtype=np.int64)
    for k, (height, width, length) in enumerate(boxes.dimensions):
        x, y, z = (points - boxes.location[k]).T
        cos, sin = np.cos(boxes.rotation_y[k]), np.sin(boxes.rotation_y[k])
        counts[k] = np.count_nonzero((np.abs(cos * x - sin * z) <= length / 2)
                                     & (np.abs(sin * x + cos * z) <= width / 2)
                                     & (y <= 0) & (y >= -height))
    return counts
