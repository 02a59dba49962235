"""What a monocular detector needs of an info file, looked at beforehand."""
import os
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np

from mmxkd.errors import ConfigError, CorruptSampleError, check_name
from mmxkd.formats.kitti import KittiInfos
from mmxkd.formats.kitti.frame_info import CATEGORIES
from mmxkd.formats.kitti.infos import CAMERA
from mmxkd.formats.kitti.splits import SPLITS, folder_of
from mmxkd.formats.matrices import square_pixel_fault

#: What ``LoadAnnotations3D`` and the heads read of an object.
COLUMNS = ('bbox', 'bbox_label', 'bbox_3d', 'bbox_label_3d', 'center_2d',
           'depth', 'truncated', 'occluded')
_COUNTS = dict(bbox=4, bbox_3d=7)
_NAME = 'MonoKittiDataset'
#: Folders of a root, by which the data of two splits are kept apart: both
#: hold a frame 000000.
_FOLDERS = ('training', 'testing')
#: Sub-folders of the keys of ``data_prefix``.
_PREFIXES = dict(img='image_2', depth='depth_2', pts='velodyne')


def check_classes(classes: Any) -> None:
    """Raise a ConfigError unless they are some of KITTI's, each once."""
    if classes is None:
        return
    if isinstance(classes, str) or not classes:
        raise ConfigError(f'{_NAME}: metainfo.classes={classes!r}, expected '
                          f'a list of {CATEGORIES}')
    for name in classes:
        check_name('class', name, CATEGORIES, f'{_NAME}: metainfo.classes')
    if len(set(classes)) < len(classes):
        raise ConfigError(f'{_NAME}: metainfo.classes={list(classes)}: '
                          'expected each class once')


def prefixes_of(split: str | None, given: Mapping[str, str],
                path: str) -> dict[str, str]:
    """``data_prefix`` with what it does not say.

    Args:
        split (str, optional): That the info file states. Those of other
            converters do not: then ``img`` tells.
        given (Mapping): Of the config.
        path (str): The info file, for messages.

    Raises:
        ConfigError: A key is unknown, or a folder is that of other frames:
            those of training and of testing have the same names.
    """
    for key in given:
        check_name('key of data_prefix', key, _PREFIXES, _NAME)
    stated = {key: _folder_in(value) for key, value in given.items()}
    if split in SPLITS:
        folder, why = folder_of(split), f'{path} is of the split {split!r}'
    else:
        folder = stated.get('img') or 'training'
        why = f'img is that of {folder}/'
    for key, found in stated.items():
        if found not in (None, folder):
            raise ConfigError(
                f'{_NAME}: data_prefix.{key}={given[key]!r} is a folder of '
                f'{found}/, but {why}; frames of training/ and testing/ have '
                'the same names and nothing else in common')
    return {
        key: given.get(key, f'{folder}/{kind}')
        for key, kind in _PREFIXES.items()
    }


def _folder_in(path: str) -> str | None:
    """``'training'`` or ``'testing'``, whichever is the last in a path."""
    parts = [p for p in PurePath(path).parts if p in _FOLDERS]
    return parts[-1] if parts else None


def read_infos(path: str | os.PathLike) -> KittiInfos:
    """An info file whose categories are numbered as mmdet3d's data set does.

    Raises:
        ConfigError: There is no such file, or it is not JSON.
        CorruptSampleError: It is not of mmdet3d's schema 1.1, or its
            categories have other numbers.
    """
    infos = KittiInfos(path)
    known = {name: k for k, name in enumerate(CATEGORIES)}
    for name, label in infos.categories.items():
        # Another converter may list fewer; -1 is nobody's class.
        if label not in (known.get(name), -1):
            raise CorruptSampleError(
                path, 'infos', f'metainfo.categories: {name!r} is {label}, '
                f"but mmdet3d's KittiDataset reads labels as {known}")
    return infos


def check_frames(infos: KittiInfos, test_mode: bool) -> None:
    """Look at cameras and labels of all frames before any is used.

    Args:
        infos (KittiInfos): The file.
        test_mode (bool): Frames may have no labels.

    Raises:
        CorruptSampleError: A frame lacks something, or its camera or a label
            cannot be used; names the file, the frame and the key.
    """
    labelled = []
    for frame_id in infos.frame_ids:
        camera, frame = infos.camera(frame_id), infos.entry(frame_id)
        where = f'frame {frame_id}: images.{CAMERA}'
        fault = square_pixel_fault(camera.cam2img)
        if fault is not None:
            raise CorruptSampleError(infos.path, 'infos',
                                     f'{where}.cam2img {fault}')
        for key in ('img_path', 'lidar2cam'):
            if frame['images'][CAMERA].get(key) is None:
                raise CorruptSampleError(infos.path, 'infos',
                                         f'{where} has no {key}')
        if 'instances' in frame or not test_mode:
            labelled.append(frame_id)
            _check_columns(infos.path, frame_id, frame)
    infos.labels(labelled)


def _check_columns(path: str, frame_id: str, frame: Mapping) -> None:
    for k, instance in enumerate(frame.get('instances') or ()):
        missing = [key for key in COLUMNS if key not in instance]
        if missing:
            raise CorruptSampleError(
                path, 'infos', f'frame {frame_id}: instances[{k}] has no '
                f'{", ".join(missing)}')
        for key, count in _COUNTS.items():
            if np.shape(instance[key]) != (count, ):
                raise CorruptSampleError(
                    path, 'infos', f'frame {frame_id}: instances[{k}].{key} '
                    f'is {instance[key]!r}, expected {count} numbers')
        if instance['bbox_label'] != instance['bbox_label_3d']:
            raise CorruptSampleError(
                path, 'infos', f'frame {frame_id}: instances[{k}] has the '
                f'bbox_label {instance["bbox_label"]} and the bbox_label_3d '
                f'{instance["bbox_label_3d"]}; expected the same')
