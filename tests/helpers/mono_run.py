"""Small monocular runs on a few written frames."""
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmxkd.formats.kitti import KittiObjects, write_calibration, write_labels
from mmxkd.formats.kitti.calibration import KittiCalibration
from mmxkd.formats.kitti.depth_maps import write_depth
from mmxkd.io.images import encode_image
from tests.helpers.mono_tree import write_infos_of

WIDTH, HEIGHT = 320, 96
P2 = np.array([[200., 0., 160., 9.], [0., 200., 48., -.2], [0., 0., 1., .003]])
TR = np.array([[0., -1., 0., 0.], [0., 0., -1., -.1], [1., 0., 0., -.3]])
SETTINGS = dict(width=0.125, size=(WIDTH, HEIGHT))


def write_streets(
    root: Path, frames: int = 4,
    sizes: Sequence[tuple[int, int]] = ((WIDTH, HEIGHT), )
) -> Path:
    """Frames with two cars and a pedestrian each; boxes are bright.

    Widths and heights are those of ``sizes``, in turn.
    """
    draw = np.random.default_rng(0)
    calibration = KittiCalibration(P2, np.eye(3), TR)
    for kind in ('image_2', 'depth_2', 'label_2', 'calib'):
        (root / 'training' / kind).mkdir(parents=True, exist_ok=True)
    for index in range(frames):
        name = f'{index:06d}'
        width, height = sizes[index % len(sizes)]
        place = np.array([[-4., 1.6, 12.], [3., 1.6, 16.], [0., 1.6, 9.]])
        place[:, 0] += draw.uniform(-1, 1, 3)
        size = np.array([[1.5, 1.6, 3.9], [1.4, 1.7, 4.1], [1.7, .6, .8]])
        yaw = draw.uniform(-3, 3, 3)
        centre = place - [[0, h / 2, 0] for h in size[:, 0]]
        pixels = calibration.project(centre)
        extent = 200 / place[:, 2:] * np.stack([size[:, 2], size[:, 0]], 1) / 2
        boxes = np.hstack([pixels - extent, pixels + extent])
        boxes = boxes.clip(0, [width - 1, height - 1] * 2)
        image = draw.integers(0, 60, (height, width, 3)).astype(np.uint8)
        depth = np.full((height, width), 40.)
        for (x1, y1, x2, y2), z in zip(boxes.astype(int), place[:, 2],
                                       strict=True):
            image[y1:y2, x1:x2] = 255 - 8 * int(z)
            depth[y1:y2, x1:x2] = z
        base = root / 'training'
        (base / f'image_2/{name}.png').write_bytes(encode_image(image, '.png'))
        write_depth(base / f'depth_2/{name}.png', depth)
        write_calibration(base / f'calib/{name}.txt', calibration)
        write_labels(
            base / 'label_2',
            KittiObjects.from_frames({
                name: dict(name=['Car', 'Car', 'Pedestrian'],
                           truncated=[0.] * 3, occluded=[0] * 3,
                           alpha=[0.] * 3, bbox=boxes, dimensions=size,
                           location=place, rotation_y=yaw)
            }))
    for split in ('train', 'val'):
        write_infos_of(root, split, root / f'kitti_infos_{split}.json')
    return root


def tiny_config(repo: Path, name: str, data: Path, work_dir: Path,
                epochs: int = 1) -> Config:
    """A shipped tiny config on such frames, still smaller."""
    cfg = Config.fromfile(repo / f'configs/monommkd/{name}.py')
    cfg.work_dir = str(work_dir)
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        dataset = cfg[loader].dataset
        dataset.data_root = str(data)
        for step in dataset.pipeline:
            if 'img_scale' in step:
                step['img_scale'] = (WIDTH, HEIGHT)
    cfg.train_dataloader.batch_size = 2
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        evaluator.ann_file = str(data / 'kitti_infos_val.json')
    narrow(cfg.model.get('student') or cfg.model)
    cfg.train_cfg.max_epochs = cfg.train_cfg.val_interval = epochs
    cfg.default_hooks.checkpoint.interval = 1
    cfg.default_hooks.checkpoint.pop('save_best')
    cfg.visualizer.vis_backends = []
    return cfg


def narrow(model) -> None:
    model.backbone.width = SETTINGS['width']
    model.neck.in_channels = (8, 16, 32, 64)
    model.bbox_head.update(in_channels=8, feat_channels=8)


def stock_config(repo: Path, name: str, data: Path) -> Config:
    """A shipped tiny config of a detector of mmdet3d on such frames."""
    init_default_scope('mmdet3d')
    cfg = Config.fromfile(repo / f'configs/monommkd/{name}_tiny.py')
    for loader in ('train_dataloader', 'test_dataloader'):
        cfg[loader].dataset.data_root = str(data)
        for step in cfg[loader].dataset.pipeline:
            if 'img_scale' in step:
                step['img_scale'] = (WIDTH, HEIGHT)
    return cfg
