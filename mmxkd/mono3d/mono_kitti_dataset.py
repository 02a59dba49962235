"""KITTI for monocular detectors, with label boxes and depth maps."""
import os.path as osp
from typing import Any

import numpy as np
from mmdet3d.datasets import KittiDataset

from mmxkd.datasets.strict import StrictSamplesMixin
from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.kitti.difficulty import DIFFICULTIES
from mmxkd.formats.kitti.infos import CAMERA
from mmxkd.registry import DATASETS

from .kitti_infos import check_classes, check_frames, prefixes_of, read_infos

#: Nearest centre that is learned, metres.
NEAREST = 2.0
#: Options of mmdet3d's data set that have one value here.
_FIXED = dict(load_type='frame_based', box_type_3d='Camera',
              default_cam_key=CAMERA)


def learnable(boxes: np.ndarray, truncated: np.ndarray, occluded: np.ndarray,
              depth: np.ndarray) -> np.ndarray:
    """Which objects the published codes learn, (N, ) bool.

    Those that have one of KITTI's difficulties, by a height of
    ``y2 - y1 + 1`` of at least its limit (KITTI's own: more than it), and
    whose centre is 2 m away or farther.

    Args:
        boxes (np.ndarray): (N, 4) label boxes in original pixels.
        truncated, occluded (np.ndarray): (N, ).
        depth (np.ndarray): (N, ) z, metres.
    """
    height = boxes[:, 3] - boxes[:, 1] + 1
    graded = np.zeros(len(boxes), bool)
    for level in DIFFICULTIES:
        graded |= ((height >= level.min_height)
                   & (truncated <= level.max_truncation)
                   & (occluded <= level.max_occlusion))
    return graded & (depth >= NEAREST)


@DATASETS.register_module()
class MonoKittiDataset(StrictSamplesMixin, KittiDataset):
    """mmdet3d's ``KittiDataset`` for models that see one picture, or depth.

    A sample has camera boxes, the 2-D boxes of the labels (mmdet3d's own
    monocular mode puts projected ones in their place), ``kept`` (N, ) bool:
    which objects to learn, see :func:`learnable`; and ``depth_path`` where
    ``data_prefix`` has ``depth``.

    Args:
        data_root (str): Of KITTI.
        ann_file (str): JSON infos of ``tools/dataset_converters/kitti.py``.
        data_prefix (dict, optional): ``img``, ``depth`` and ``pts``, folders
            of the data root; default: those of ``training``, or of
            ``testing`` for the infos of the test split, with ``depth_2``.
        learn_all (bool): Learn objects of every difficulty.
        metainfo (dict, optional): ``classes``, some of KITTI's.
        filter_empty_gt (bool): Leave frames without an object of the classes
            out of training.
        modality (dict, optional): ``use_camera`` must be True.
        **kwargs: Of mmdet3d's ``KittiDataset``.

    Raises:
        ConfigError: A name or an option is unknown, a folder is that of
            other frames, or no frame is left.
        CorruptSampleError: The info file, a camera or a label cannot be
            used; it names the file and the frame, or the image.
    """

    def __init__(self, data_root: str, ann_file: str,
                 data_prefix: dict | None = None, learn_all: bool = False,
                 metainfo: dict | None = None, filter_empty_gt: bool = False,
                 modality: dict | None = None, **kwargs: Any) -> None:
        self.learn_all = learn_all
        modality = dict(modality or dict(use_camera=True, use_lidar=False))
        if not modality.get('use_camera'):
            raise ConfigError(f'MonoKittiDataset: modality={modality}, '
                              'expected use_camera=True')
        for key, value in _FIXED.items():
            if kwargs.get(key, value) != value:
                raise ConfigError(
                    f'MonoKittiDataset: {key}={kwargs[key]!r}, expected '
                    f'{value!r}: monocular detectors learn boxes in the frame '
                    'of the camera, and the 2-D boxes of the labels')
        check_classes((metainfo or {}).get('classes'))
        self._given_prefix = dict(data_prefix or {})
        super().__init__(data_root=data_root, ann_file=ann_file,
                         metainfo=metainfo, data_prefix=data_prefix or {},
                         modality=modality, filter_empty_gt=filter_empty_gt,
                         **(kwargs | _FIXED))

    def load_data_list(self) -> list[dict]:
        infos = read_infos(self.ann_file)
        check_frames(infos, self.test_mode)
        # Not before: with lazy_init there may be no file yet.
        folders = prefixes_of(infos.split, self._given_prefix, infos.path)
        self.data_prefix = {
            key: osp.join(self.data_root, folder)
            for key, folder in folders.items()
        }
        return super().load_data_list()

    def filter_data(self) -> list[dict]:
        """Frames with an object where ``filter_empty_gt``; all for testing."""
        if self.test_mode or not self.filter_empty_gt:
            return self.data_list
        kept = [
            info for info in self.data_list
            if len(info['ann_info']['gt_labels_3d'])
        ]
        if not kept:
            raise ConfigError(
                f'{self.ann_file}: none of the {len(self.data_list)} frames '
                f'has an object of the classes {self.metainfo["classes"]}; '
                'filter_empty_gt=True leaves none')
        return kept

    def parse_data_info(self, info: dict) -> dict:
        # A test set may have no labels.
        info.setdefault('instances', [])
        info = super().parse_data_info(info)
        stem = osp.splitext(osp.basename(info['img_path']))[0]
        image = info['images'][self.default_cam_key]
        info.update(
            box_type_3d=self.box_type_3d, box_mode_3d=self.box_mode_3d,
            frame_id=stem, width=image['width'], height=image['height'],
            depth_path=osp.join(self.data_prefix['depth'], f'{stem}.png'),
            lidar_path=osp.join(self.data_prefix['pts'], f'{stem}.bin'))
        if not self.test_mode:
            info['kept'] = self._kept(info)
        return info

    def parse_ann_info(self, info: dict) -> dict:
        found = super().parse_ann_info(info)
        # mmdet3d has no boxes in the image of a frame without objects.
        found.setdefault('gt_bboxes', np.zeros((0, 4), np.float32))
        found.setdefault('gt_bboxes_labels', np.zeros(0, np.int64))
        found.setdefault('truncated', np.zeros(0))
        found.setdefault('occluded', np.zeros(0))
        # What its own detectors ask for beside.
        found.setdefault('centers_2d', np.zeros((0, 2), np.float32))
        found.setdefault('depths', np.zeros(0, np.float32))
        return found

    def _kept(self, info: dict) -> np.ndarray:
        found = info['ann_info']
        boxes = found['gt_bboxes_3d'].tensor.numpy()
        flat = found['gt_bboxes']
        good = (np.isfinite(boxes).all(1) & (boxes[:, 3:6] > 0).all(1)
                & np.isfinite(flat).all(1) & (boxes[:, 2] > 0))
        bad = np.flatnonzero(~good)
        if bad.size:
            raise CorruptSampleError(
                info['img_path'], 'label', f'object {bad[0]} has the box '
                f'{boxes[bad[0]].tolist()} (x, y, z, l, h, w, yaw) and '
                f'{flat[bad[0]].tolist()} in the image; expected finite '
                'numbers, sizes and z above 0')
        if self.learn_all:
            return np.ones(len(boxes), bool)
        return learnable(flat, found['truncated'], found['occluded'], boxes[:,
                                                                            2])
