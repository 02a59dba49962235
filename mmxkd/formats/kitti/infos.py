"""KITTI frames as mmdet3d describes them, read from JSON."""
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmxkd.errors import ConfigError, CorruptSampleError, did_you_mean
from mmxkd.io.paths import checked_name, checked_path
from mmxkd.io.text import read_json

from ..matrices import projection_fault, rotation_fault
from .objects import KittiObjects

#: KITTI labels the left colour camera.
CAMERA = 'CAM2'


class Camera(NamedTuple):
    """The camera of a frame.

    Attributes:
        cam2img: (3, 4) projection of the rectified frame, KITTI's P2.
        lidar2cam: (4, 4) from the LiDAR's to the rectified frame, or None.
        width: Of the image, pixels.
        height: Of the image, pixels.
    """

    cam2img: np.ndarray
    lidar2cam: np.ndarray | None
    width: int
    height: int


def as_matrix(values: Any, *shapes: tuple[int, int]) -> np.ndarray | None:
    """Finite numbers as a float64 matrix of one of the shapes, else None."""
    try:
        matrix = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    fits = matrix.shape in shapes and bool(np.isfinite(matrix).all())
    return matrix if fits else None


def as_projection(values: Any) -> np.ndarray | None:
    """A (3, 3), (3, 4) or (4, 4) matrix as (3, 4) float64, else None."""
    rows = as_matrix(values, (3, 3), (3, 4), (4, 4))
    if rows is None:
        return None
    return np.pad(rows[:3], ((0, 0), (0, 4 - rows.shape[1])))


class KittiInfos:
    """The annotation file of mmdet3d's ``KittiDataset``, schema 1.1, as JSON.

    Frames are found by the name of their image, the id that KITTI gave them,
    never by their place in the file.

    Args:
        path (str | PathLike): ``kitti_infos_*.json``.

    Raises:
        ConfigError: The file is missing or is no JSON.
        CorruptSampleError: It is not of that schema, names a frame twice, or
            names one that leads out of the folder.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = str(path)
        if Path(path).suffix != '.json':
            raise ConfigError(
                f'ann_file: {self.path} is no .json; a .pkl runs code when it '
                'is read: convert the data set with '
                'tools/dataset_converters/kitti.py')
        if not Path(path).is_file():
            raise ConfigError(f'ann_file: no file {self.path}; write it with '
                              'tools/dataset_converters/kitti.py')
        content = read_json(path, 'infos')
        if isinstance(content, list):
            raise CorruptSampleError(
                path, 'infos', 'is a list of frames, as mmdet3d before 1.1 '
                'wrote them: write it again with '
                'tools/dataset_converters/kitti.py')
        try:
            self._names = self._label_names(content['metainfo']['categories'])
            # Not in files that mmdet3d's own converter wrote.
            self.split: str | None = content['metainfo'].get('split')
            infos = list(content['data_list'])
        except (AttributeError, KeyError, TypeError) as error:
            raise CorruptSampleError(
                path, 'infos', "expected mmdet3d's schema 1.1, with "
                f'metainfo.categories and data_list; missing: {error}'
            ) from error
        if not infos:
            raise CorruptSampleError(path, 'infos', 'data_list is empty')
        self._infos: dict[str, dict] = {}
        for index, info in enumerate(infos):
            frame_id = self._frame_id(index, info)
            if frame_id in self._infos:
                raise CorruptSampleError(
                    path, 'infos', f'the frame {frame_id} stands there twice')
            self._infos[frame_id] = info

    def __len__(self) -> int:
        return len(self._infos)

    @property
    def frame_ids(self) -> tuple[str, ...]:
        """All frames, in the order of the file."""
        return tuple(self._infos)

    @property
    def categories(self) -> dict[str, int]:
        """The label of each class, as the file says it."""
        return {name: label for label, name in self._names.items()}

    def _label_names(self, categories: dict[str, int]) -> dict[int, str]:
        names: dict[int, str] = {}
        for name, label in categories.items():
            if label in names:
                raise CorruptSampleError(
                    self.path, 'infos', f'the categories {names[label]!r} and '
                    f'{name!r} have the same label {label}')
            names[label] = name
        # mmdet3d's name for what is no object of a class.
        names.setdefault(-1, 'DontCare')
        return names

    def _frame_id(self, index: int, info: dict) -> str:
        try:
            path = info.get('images',
                            {}).get(CAMERA, {}).get('img_path') or info.get(
                                'lidar_points', {}).get('lidar_path')
        except AttributeError as error:
            raise CorruptSampleError(
                self.path, 'infos', f'entry {index} is not of the schema: '
                f'{error}') from error
        if not path:
            raise CorruptSampleError(
                self.path, 'infos', f'entry {index} has neither images.'
                f'{CAMERA}.img_path nor lidar_points.lidar_path')
        where = f'entry {index}'
        name = Path(checked_path(path, self.path, 'infos', where)).name
        # Of other data sets than KITTI too, so not six digits.
        return checked_name(Path(name).stem, self.path, 'infos', where)

    def entry(self, frame_id: str) -> dict:
        """A frame as the file has it.

        Raises:
            ConfigError: The file has no such frame.
        """
        if frame_id not in self._infos:
            raise ConfigError(f'{self.path} has no frame {frame_id!r}; '
                              f'{did_you_mean(frame_id, self._infos)}')
        return self._infos[frame_id]

    def camera(self, frame_id: str) -> Camera:
        """The camera of a frame.

        Raises:
            ConfigError: The file has no such frame.
            CorruptSampleError: It lacks what is needed, or holds matrices of
                another shape, or that no camera has.
        """
        image = self.entry(frame_id).get('images', {}).get(CAMERA, {})
        missing = {'cam2img', 'height', 'width'} - image.keys()
        if missing:
            raise CorruptSampleError(
                self.path, 'infos', f'frame {frame_id}: images.{CAMERA} has '
                f'no {", ".join(sorted(missing))}')
        cam2img = as_projection(image['cam2img'])
        lidar2cam = as_matrix(image.get('lidar2cam'), (4, 4))
        if cam2img is None or (lidar2cam is None
                               and image.get('lidar2cam') is not None):
            raise CorruptSampleError(
                self.path, 'infos', f'frame {frame_id}: expected a cam2img '
                'of 3 rows and a lidar2cam of 4x4 finite numbers')
        faults = {
            'cam2img': projection_fault(cam2img), 'lidar2cam': None if
            lidar2cam is None else rotation_fault(lidar2cam)
        }
        for key in ('width', 'height'):
            size = image[key]
            if not isinstance(size, int) or isinstance(size, bool) or size < 1:
                faults[key] = f'is {size!r}, expected pixels above 0'
        for key, fault in faults.items():
            if fault is not None:
                raise CorruptSampleError(
                    self.path, 'infos',
                    f'frame {frame_id}: images.{CAMERA}.{key} {fault}')
        return Camera(cam2img, lidar2cam, image['width'], image['height'])

    def labels(self, frame_ids: Iterable[str]) -> KittiObjects:
        """The ground truth of some frames, in their order.

        Raises:
            ConfigError: A frame is not in the file.
            CorruptSampleError: A frame has no labels (a test set), or one of
                them lacks a value or cannot be evaluated.
        """
        columns = {frame_id: self._columns(frame_id) for frame_id in frame_ids}
        try:
            return KittiObjects.from_frames(columns)
        except ValueError as error:
            raise CorruptSampleError(self.path, 'infos', str(error)) from error

    def _columns(self, frame_id: str) -> dict[str, Any]:
        info = self.entry(frame_id)
        if 'instances' not in info:
            raise CorruptSampleError(self.path, 'infos',
                                     f'frame {frame_id} has no labels')
        try:
            rows = [(self._names[i['bbox_label']], i['truncated'],
                     i['occluded'], i['alpha'], i['bbox'], i['bbox_3d'])
                    for i in info['instances']]
            box_3d = np.array([r[5] for r in rows], np.float64).reshape(-1, 7)
            return dict(
                name=[r[0] for r in rows],
                truncated=np.array([r[1] for r in rows], np.float64),
                occluded=np.array([r[2] for r in rows], np.float64),
                alpha=np.array([r[3] for r in rows], np.float64),
                bbox=np.array([r[4] for r in rows], np.float64).reshape(-1, 4),
                location=box_3d[:, :3], dimensions=box_3d[:, [4, 5, 3]],
                rotation_y=box_3d[:, 6])
        except KeyError as error:
            raise CorruptSampleError(
                self.path, 'infos', f'frame {frame_id}: an instance has no '
                f'key or category {error}') from error
        except (TypeError, ValueError) as error:
            raise CorruptSampleError(self.path, 'infos',
                                     f'frame {frame_id}: {error}') from error
