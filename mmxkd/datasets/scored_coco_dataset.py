"""COCO datasets whose boxes may be a teacher's, with scores."""
import os.path as osp
from collections.abc import Mapping
from functools import partial
from typing import Any

from mmdet.datasets import CocoDataset

from mmxkd.engine.label_sources import LABELLED
from mmxkd.errors import ConfigError, CorruptSampleError, check_name
from mmxkd.formats.pseudo_labels import (
    WRITTEN_BY,
    teacher_names,
    teacher_of,
)
from mmxkd.io.text import plain_json
from mmxkd.registry import DATASETS

from .checked_coco import CheckedCOCO
from .strict import StrictSamplesMixin


@DATASETS.register_module()
class ScoredCocoDataset(StrictSamplesMixin, CocoDataset):
    """mmdet's ``CocoDataset``, which also reads the ``score`` of a box.

    For files that a teacher wrote: standard COCO JSON, with a ``score`` for
    each annotation and the teacher in ``info.teacher``. Each of ``instances``
    has its ``score`` then; :class:`.MarkSource` carries it on. A file of
    human labels, without scores, is read as by ``CocoDataset``.

    Args:
        *args: Of mmdet's ``CocoDataset``.
        teacher (dict, optional): What ``info.teacher`` of the file must say,
            e.g. the checksum of the teacher's checkpoint. Other keys of it
            are not compared.
        unlabelled (bool): The file lists frames without labels; those that it
            has are not read. Samples say ``labelled=False``.
        beside (dict[str, str], optional): Folders of other modalities under
            ``data_root``, by the key that their loader reads. Their files
            have the names of the pictures:
            ``dict(depth_path='training/depth_2')``.
        **kwargs: Of mmdet's ``CocoDataset``.

    Raises:
        ConfigError: The labels are not of the stated teacher.
        CorruptSampleError: See :mod:`mmxkd.formats.coco_check`.
    """

    def __init__(self, *args, teacher: Mapping[str, Any] | None = None,
                 unlabelled: bool = False,
                 beside: Mapping[str, str] | None = None, **kwargs) -> None:
        self.teacher, self.unlabelled = teacher, unlabelled
        self.beside = dict(beside or {})
        self.COCOAPI = partial(CheckedCOCO, unlabelled=unlabelled)
        super().__init__(*args, **kwargs)

    def load_data_list(self) -> list[dict]:
        data_list = super().load_data_list()
        if self.teacher is not None:
            check_teacher(self.ann_file, self.teacher)
        return data_list

    def parse_data_info(self, raw_data_info: dict) -> dict:
        """mmdet's record of a frame, with the scores of its instances.

        ``boxes_written_by`` has the names of the teachers that the file
        names, so that metrics can tell them.
        """
        data_info = super().parse_data_info(raw_data_info)
        if self.unlabelled:
            data_info[LABELLED] = False
        elif names := teacher_names(self.coco.dataset):
            data_info[WRITTEN_BY] = names
        name = osp.basename(data_info['img_path'])
        for key, folder in self.beside.items():
            data_info[key] = osp.join(self.data_root, folder, name)
        boxes = raw_data_info['raw_ann_info']
        scored = sum('score' in box for box in boxes)
        if 0 < scored < len(boxes):
            raise CorruptSampleError(
                self.ann_file, 'annotations', f'{len(boxes) - scored} of '
                f'{len(boxes)} boxes of {data_info["img_path"]} have no score')
        if scored:
            # mmdet leaves out some boxes, so each is asked for alone.
            scores = [
                box['score'] for box in boxes
                if super(ScoredCocoDataset, self).parse_data_info(
                    dict(raw_data_info, raw_ann_info=[box]))['instances']
            ]
            for instance, score in zip(data_info['instances'], scores,
                                       strict=True):
                instance['score'] = float(score)
        return data_info


def check_teacher(path: str, expected: Mapping[str, Any]) -> None:
    """Compare the teacher of a file of labels with the one of the config.

    Args:
        path (str): The file.
        expected (dict): Keys of ``info.teacher`` and their values.

    Raises:
        ConfigError: The file names no teacher, or another one; says in what
            they differ.
    """
    with open(path, 'rb') as file:
        content = plain_json(file.read(), path, 'annotations')
    found = teacher_of(content)
    if found is None:
        raise ConfigError(f'{path}: has no info.teacher: a teacher did not '
                          'write it, but the config expects labels of '
                          f'{dict(expected)}')
    for key, value in expected.items():
        check_name('key', key, found, f'{path}: info.teacher')
        if found[key] != value:
            raise ConfigError(f'{path}: was written with {key}={found[key]!r} '
                              f'of the teacher, but the config says {value!r}')
