"""Calibration of a KITTI frame: from the LiDAR to the camera to the image.

A point of the LiDAR (x forwards, y left, z up) is rotated and shifted into
camera 0, rectified, and projected by camera 2 (Geiger et al., "Vision meets
robotics", IJRR 2013)::

    X = R0_rect · (Tr_velo_to_cam · [x, y, z, 1])    (x right, y down, z ahead)
    q = P2 · [X, 1],   u = q0 / q2,   v = q1 / q2

All lengths are metres, all pixels are those of the left colour image.
"""
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from mmxkd.errors import CorruptSampleError, did_you_mean
from mmxkd.io.atomic import write_text
from mmxkd.io.text import parse_number, read_lines

from ..matrices import projection_fault, rotation_fault

SHAPES = {'P2': (3, 4), 'R0_rect': (3, 3), 'Tr_velo_to_cam': (3, 4)}
"""What is read of a calibration file; its other lines are left alone."""
_MODALITY = 'calib'
# Seven lines in this order: widespread readers go by the line's number.
_LINES = ('P0', 'P1', 'P2', 'P3', 'R0_rect', 'Tr_velo_to_cam',
          'Tr_imu_to_velo')


@dataclass(frozen=True, eq=False)
class KittiCalibration:
    """The three matrices that take a LiDAR point into the image.

    Attributes:
        P2: (3, 4) float64, rectified camera frame to pixels.
        R0_rect: (3, 3) float64, the rectifying rotation.
        Tr_velo_to_cam: (3, 4) float64, LiDAR to camera 0.

    Raises:
        ValueError: A matrix has another shape, or holds NaN or Inf.
    """

    P2: np.ndarray
    R0_rect: np.ndarray
    Tr_velo_to_cam: np.ndarray

    def __post_init__(self) -> None:
        for name, shape in SHAPES.items():
            matrix = np.array(getattr(self, name), np.float64)
            if matrix.shape != shape or not np.isfinite(matrix).all():
                raise ValueError(
                    f'{name}: expected {shape} finite numbers, got {matrix}')
            matrix.flags.writeable = False
            object.__setattr__(self, name, matrix)

    @property
    def lidar_to_camera(self) -> np.ndarray:
        """(4, 4): LiDAR to the rectified camera frame, R0 · Tr."""
        return _square(self.R0_rect) @ _square(self.Tr_velo_to_cam)

    @property
    def camera_to_lidar(self) -> np.ndarray:
        """(4, 4): the rectified camera frame to the LiDAR."""
        return np.linalg.inv(self.lidar_to_camera)

    @property
    def lidar_to_image(self) -> np.ndarray:
        """(3, 4): LiDAR to homogeneous pixels, P2 · R0 · Tr."""
        return self.P2 @ self.lidar_to_camera

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixels of points before the camera.

        Args:
            points (np.ndarray): (..., 3), rectified camera frame.

        Returns:
            np.ndarray: (..., 2) float64, u and v.
        """
        image = points @ self.P2[:, :3].T + self.P2[:, 3]
        return image[..., :2] / image[..., 2:]

    def unproject(self, pixels: np.ndarray, depth: np.ndarray) -> np.ndarray:
        """Points in the rectified camera frame; undoes :meth:`project`.

        Args:
            pixels (np.ndarray): (..., 2), u and v.
            depth (np.ndarray): (...), z in metres.

        Returns:
            np.ndarray: (..., 3) float64.
        """
        # (p_i - u_i p_3) · [x, y, z, 1] = 0 for both rows: 2 equations in x
        # and y.
        rows = self.P2[:2] - np.asarray(pixels)[..., None] * self.P2[2]
        known = rows[..., 2] * np.asarray(depth)[..., None] + rows[..., 3]
        xy = np.linalg.solve(rows[..., :2], -known[..., None])[..., 0]
        return np.concatenate([xy, np.asarray(depth)[..., None]], axis=-1)


def _square(matrix: np.ndarray) -> np.ndarray:
    """The (4, 4) matrix of homogeneous points."""
    square = np.eye(4)
    square[:matrix.shape[0], :matrix.shape[1]] = matrix
    return square


def read_calibration(path: str | PathLike) -> KittiCalibration:
    """Read ``calib/<id>.txt`` by the names of its lines.

    Args:
        path (str | PathLike): Lines of ``name: number number …``; the order
            does not matter, names other than those of :data:`SHAPES` are
            ignored.

    Returns:
        KittiCalibration: In float64.

    Raises:
        CorruptSampleError: The file cannot be read; a line that is needed is
            missing, stands twice, or has the wrong number of numbers, text,
            NaN or Inf; a matrix cannot be that of a camera or a rotation.
    """
    found: dict[str, tuple[int, str]] = {}
    for number, line in read_lines(path, _MODALITY):
        name, colon, values = line.partition(':')
        name = name.strip()
        if name in SHAPES and name in found:
            raise CorruptSampleError(
                path, _MODALITY, f'line {number}: {name!r} stands in line '
                f'{found[name][0]} already')
        if colon:
            found[name] = number, values
    matrices = {}
    for name, shape in SHAPES.items():
        if name not in found:
            raise CorruptSampleError(
                path, _MODALITY, f'has no line {name!r}: among its lines, '
                + did_you_mean(name, found))
        number, values = found[name]
        try:
            matrices[name] = _parse(name, values, shape)
        except ValueError as error:
            raise CorruptSampleError(
                path, _MODALITY, f'line {number}: {name!r} {error}') from error
    return KittiCalibration(**matrices)


def _parse(name: str, text: str, shape: tuple[int, int]) -> np.ndarray:
    words = text.split()
    wanted = shape[0] * shape[1]
    if len(words) != wanted:
        raise ValueError(f'has {len(words)} numbers, expected {wanted}')
    matrix = np.array([_number(word) for word in words]).reshape(shape)
    fault = (projection_fault(matrix) if name == 'P2' else
             rotation_fault(matrix))
    if fault is not None:
        raise ValueError(fault)
    return matrix


def _number(word: str) -> float:
    value = parse_number(word)
    if value is None:
        raise ValueError(f'has {word!r}, expected a number')
    if not np.isfinite(value):
        raise ValueError(f'has {word!r}, expected a finite number')
    return value


def write_calibration(path: str | PathLike,
                      calibration: KittiCalibration) -> None:
    """Write ``calib/<id>.txt`` in the official seven lines, atomically.

    Numbers are written in full: what is read again is equal to the last bit.
    What is not known of a rig with one camera and no IMU stands there for
    readers that go by the line's number: ``P0``, ``P1`` and ``P3`` repeat
    ``P2``, ``Tr_imu_to_velo`` changes nothing.

    Args:
        path (str | PathLike): The file.
        calibration (KittiCalibration): What to write.
    """
    known = {name: getattr(calibration, name) for name in SHAPES}
    unknown = dict.fromkeys(('P0', 'P1', 'P3'), calibration.P2)
    matrices = {**known, **unknown, 'Tr_imu_to_velo': np.eye(4)[:3]}
    lines = []
    for name in _LINES:
        numbers = ' '.join(map(repr, matrices[name].ravel().tolist()))
        lines.append(f'{name}: {numbers}\n')
    write_text(Path(path), ''.join(lines))
