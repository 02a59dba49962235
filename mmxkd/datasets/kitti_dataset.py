"""KITTI for 2-D detectors, from an info file or from the folders."""
import os.path as osp

import numpy as np
from mmdet.datasets import BaseDetDataset

from mmxkd.errors import ConfigError, check_name
from mmxkd.formats.kitti import (
    KittiInfos,
    KittiObjects,
    folder_of,
    read_labels,
)
from mmxkd.formats.kitti.difficulty import GRADES, NEIGHBOURS, TOO_HARD, grade
from mmxkd.formats.kitti.frame_info import CATEGORIES, DONT_CARE
from mmxkd.formats.kitti.layout import SUFFIXES, ids_in, png_size, split_ids
from mmxkd.registry import DATASETS

from .strict import StrictSamplesMixin

FOLDERS = {'img': 'image_2', 'pts': 'velodyne', 'depth': 'depth_2'}
"""Keys of ``data_prefix``, and the sub-folders that they stand for."""
_RESEMBLES = {near: name for name, near in NEIGHBOURS.items()}


@DATASETS.register_module()
class KittiDataset(StrictSamplesMixin, BaseDetDataset):
    """Cars, pedestrians and cyclists in the images of KITTI.

    Reads the JSON of ``tools/dataset_converters/kitti.py``, or the published
    folders as they are::

        dict(type='mmxkd.KittiDataset', data_root='data/kitti',
             ann_file='kitti_infos_train.json', pipeline=…)
        dict(type='mmxkd.KittiDataset', data_root='data/kitti',
             split='train', pipeline=…)

    A sample has the keys of mmdet, and ``frame_id`` (str), ``lidar_path`` and
    ``depth_path`` (str; where there is such a file).

    An object of the classes becomes an instance. Ignored (``ignore_flag`` 1:
    neither object nor background) are DontCare regions; Van where Car, and
    Person_sitting where Pedestrian, is one of the classes and they are not;
    and, for training, objects that are too hard. All else is background.

    Data set: Geiger et al., "Are we ready for Autonomous Driving? The KITTI
    Vision Benchmark Suite", CVPR 2012.

    Args:
        ann_file (str): A JSON info file, under ``data_root``.
        split (str, optional): ``'train'``, ``'val'``, ``'trainval'`` or
            ``'test'``: without ``ann_file``, the frames to read from the
            folders. The lists in ``ImageSets/`` count, if there are any.
        hardest (str, optional): ``'easy'``, ``'moderate'`` or ``'hard'``:
            what is beyond is ignored in training. None: nothing is.
        data_root (str): Holds ``training/`` and ``testing/``.
        data_prefix (dict, optional): Folders of ``img``, ``pts`` and
            ``depth`` where they lie elsewhere.
        metainfo (dict, optional): ``classes``: any of KITTI's but DontCare.
        filter_cfg (dict, optional): For training: ``filter_empty_gt`` drops
            frames in which no instance counts, ``min_size`` small images.
        **kwargs: Of mmdet's ``BaseDetDataset``.

    Raises:
        ConfigError: Neither or both of ``ann_file`` and ``split`` are given,
            or a name of the arguments is unknown, or no frame is left.
        CorruptSampleError: A label file or the info file cannot be used;
            names file and line, or frame.
    """

    METAINFO = dict(classes=('Car', 'Pedestrian', 'Cyclist'),
                    palette=[(165, 42, 42), (106, 0, 228), (119, 11, 32)])

    def __init__(self, ann_file: str = '', split: str | None = None,
                 hardest: str | None = 'hard', data_root: str = '',
                 data_prefix: dict | None = None, **kwargs) -> None:
        if bool(ann_file) == bool(split):
            raise ConfigError(
                'KittiDataset: expected either ann_file (an info file) or '
                f'split (the folders), found {ann_file!r} and {split!r}')
        if hardest is not None:
            check_name('hardest', hardest, GRADES, 'KittiDataset')
        for key in data_prefix or ():
            check_name('key of data_prefix', key, FOLDERS, 'KittiDataset')
        self.split, self.hardest = split, hardest
        super().__init__(ann_file=ann_file, data_root=data_root,
                         data_prefix=data_prefix or {}, **kwargs)

    def load_data_list(self) -> list[dict]:
        for name in self.metainfo['classes']:
            check_name('class', name, CATEGORIES, 'KittiDataset')
        if self.split is None:
            infos = KittiInfos(self.ann_file)
            # Other converters do not tell the split: where it is
            # test, data_prefix has to.
            self._set_folders(infos.split or 'train')
            objects = infos.labels(infos.frame_ids)
            cameras = [infos.camera(i) for i in objects.frame_ids]
            sizes = [(camera.width, camera.height) for camera in cameras]
        else:
            self._set_folders(self.split)
            objects = self._read_labels(self.split)
            sizes = [
                png_size(self._file('img', frame_id))
                for frame_id in objects.frame_ids
            ]
        files = {
            key: ids_in(self.data_prefix[key], SUFFIXES[FOLDERS[key]])
            for key in ('pts', 'depth')
        }
        return [
            self._record(frame_id, size, instances, files) for frame_id,
            size, instances in zip(objects.frame_ids, sizes,
                                   self._instances(objects), strict=True)
        ]

    def _set_folders(self, split: str) -> None:
        """Fill in what ``data_prefix`` does not say."""
        for key, kind in FOLDERS.items():
            self.data_prefix.setdefault(
                key, osp.join(self.data_root, folder_of(split), kind))

    def _read_labels(self, split: str) -> KittiObjects:
        frame_ids = split_ids(self.data_root, split)
        if folder_of(split) == 'training':
            return read_labels(osp.join(self.data_root, 'training', 'label_2'),
                               frame_ids)
        return KittiObjects.from_frames(
            {frame_id: {'name': []} for frame_id in frame_ids})

    def _file(self, key: str, frame_id: str) -> str:
        return osp.join(self.data_prefix[key],
                        frame_id + SUFFIXES[FOLDERS[key]])

    def _record(self, frame_id: str, size: tuple[int, int],
                instances: list[dict], files: dict[str, set[str]]) -> dict:
        record = {
            'img_path': self._file('img', frame_id),
            'img_id': int(frame_id),
            'frame_id': frame_id,
            'width': size[0],
            'height': size[1],
            'instances': instances,
        }
        for key, name in (('pts', 'lidar_path'), ('depth', 'depth_path')):
            if frame_id in files[key]:
                record[name] = self._file(key, frame_id)
        return record

    def _instances(self, objects: KittiObjects) -> list[list[dict]]:
        """mmdet's instances of every frame."""
        too_hard = np.zeros(len(objects), bool)
        if self.hardest is not None and not self.test_mode:
            grades = grade(objects.bbox, objects.occluded, objects.truncated)
            too_hard = ((grades == TOO_HARD)
                        | (grades > GRADES.index(self.hardest)))
        classes = self.metainfo['classes']
        frames: list[list[dict]] = [[] for _ in objects.frame_ids]
        for frame, name, box, hard in zip(objects.frame.tolist(),
                                          objects.name.tolist(),
                                          objects.bbox.tolist(),
                                          too_hard.tolist(), strict=True):
            stands_for = name if name in classes else _RESEMBLES.get(name)
            if name != DONT_CARE and stands_for not in classes:
                continue
            frames[frame].append({
                'bbox': box,
                # A region without a class has to have some label.
                'bbox_label': (0 if name == DONT_CARE else
                               classes.index(stands_for)),
                'ignore_flag': int(hard or name not in classes),
            })
        return frames

    def filter_data(self) -> list[dict]:
        """Frames that ``filter_cfg`` keeps; all of them for testing."""
        config = self.filter_cfg or {}
        kept = self.data_list if self.test_mode else [
            info for info in self.data_list
            if min(info['width'], info['height']) >= config.get('min_size', 0)
            and (_counted(info) or not config.get('filter_empty_gt', False))
        ]
        if not kept:
            raise ConfigError(
                f'KittiDataset: filter_cfg={self.filter_cfg} leaves none of '
                f'{len(self.data_list)} frames')
        return kept

    def get_cat_ids(self, idx: int) -> list[int]:
        """Labels of the instances that count in a frame."""
        return _counted(self.get_data_info(idx))


def _counted(info: dict) -> list[int]:
    return [
        instance['bbox_label'] for instance in info['instances']
        if not instance['ignore_flag']
    ]
