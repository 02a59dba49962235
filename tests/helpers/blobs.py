"""A detector whose boxes are known beforehand, and pictures for it.

It finds bright rectangles on black; the score is their brightness, the class
says whether they are wider than high.
"""
import io
import json
from pathlib import Path

import cv2
import numpy as np
import torch
from mmdet.models.detectors import BaseDetector
from mmdet.registry import MODELS
from mmengine.structures import InstanceData
from torch import nn

WIDTH, HEIGHT = 64, 48
CLASSES = ('tall', 'wide')

CONFIG = '''
default_scope = 'mmdet'
custom_imports = dict(imports=['mmxkd', 'tests.helpers.blobs'])
model = dict(
    type='BlobDetector',
    data_preprocessor=dict(
        type='DetDataPreprocessor', mean=[0.] * 3, std=[1.] * 3))
data_root = {root!r}
pipeline = [
    dict(type='LoadImageFromFile', _scope_='mmxkd'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='PackDetInputs',
         meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape',
                    'scale_factor'))]
val_dataloader = dict(
    batch_size=2, num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CocoDataset', data_root=data_root, ann_file='val.json',
        data_prefix=dict(img=''), metainfo=dict(classes={classes!r}),
        pipeline=pipeline, test_mode=True, serialize_data=False))
test_dataloader = val_dataloader
val_evaluator = dict(type='CocoMetric', ann_file=data_root + '/val.json')
test_evaluator = val_evaluator
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
work_dir = {root!r} + '/logs'
'''

#: Per frame: x, y, width, height, brightness, whether it is an object.
VAL = [
    [(4, 4, 8, 20, 200, True), (30, 10, 20, 8, 220, True)],
    [(10, 10, 10, 30, 160, True), (40, 20, 20, 10, 150, False)],
    [(2, 2, 6, 12, 140, False), (20, 30, 30, 10, 180, True)],
]
DATA = [
    [(4, 4, 8, 20, 170, True), (30, 10, 20, 8, 179, True)],
    [],
    [(10, 10, 10, 30, 160, True), (40, 20, 20, 10, 180, True)],
    [(40, 8, 8, 30, 159, True)],
    [(5, 5, 30, 10, 255, True)],
]


@MODELS.register_module()
class BlobDetector(BaseDetector):
    """Finds bright rectangles.

    Args:
        shift (float): Added to all boxes, pixels.
        gives (str): ``'class 0'``: the first class alone; ``'class 7'``: a
            class without a name; ``'nothing'``; or a number that its scores
            are multiplied by: ``'nan'``, ``'inf'``, ``'3'``.
    """

    def __init__(self, shift=0., gives='', data_preprocessor=None,
                 init_cfg=None):
        super().__init__(data_preprocessor, init_cfg)
        self.shift, self.gives = shift, gives
        self.gain = nn.Parameter(torch.ones(1))

    def predict(self, batch_inputs, batch_data_samples, rescale=True):
        results = []
        for image in batch_inputs:
            grey = (image.mean(0) * self.gain).cpu().numpy()
            _, _, stats, _ = cv2.connectedComponentsWithStats(
                (grey > 100).astype(np.uint8))
            x, y, w, h, _ = torch.tensor(stats[1:]).T
            boxes = torch.stack([x, y, x + w, y + h], 1).float() + self.shift
            scores = torch.tensor([
                grey[r[1]:r[1] + r[3], r[0]:r[0] + r[2]].mean() / 255
                for r in stats[1:]
            ])
            labels = (w > h).long()
            if self.gives == 'class 0':
                labels = labels * 0
            if self.gives in ('nan', 'inf', '3'):
                scores = scores * float(self.gives)
            if self.gives == 'class 7':
                labels = labels * 0 + 7
            kept = slice(0, 0) if self.gives == 'nothing' else slice(None)
            results.append(
                InstanceData(bboxes=boxes[kept], scores=scores[kept],
                             labels=labels[kept]))
        return self.add_pred_to_datasample(batch_data_samples, results)

    def extract_feat(self, batch_inputs):
        return batch_inputs

    def loss(self, batch_inputs, batch_data_samples):
        raise AssertionError('it does not learn')

    def _forward(self, batch_inputs, batch_data_samples=None):
        return batch_inputs


def write_frames(root: Path, name: str, frames, labelled=True,
                 classes=CLASSES) -> Path:
    """Write pictures and their COCO file ``NAME.json``."""
    root.mkdir(parents=True, exist_ok=True)
    images, annotations = [], []
    for number, boxes in enumerate(frames, start=10):
        picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        for x, y, w, h, level, real in boxes:
            picture[y:y + h, x:x + w] = level
            if real:
                annotations.append(
                    dict(
                        id=len(annotations) + 1, image_id=number, category_id=1
                        + CLASSES.index('wide' if w > h else 'tall'),
                        bbox=[x, y, w, h], area=w * h, iscrowd=0))
        file = f'{name}_{number}.png'
        cv2.imwrite(str(root / file), picture)
        images.append(
            dict(id=number, file_name=file, width=WIDTH, height=HEIGHT))
    content = dict(
        images=images, categories=[
            dict(id=k, name=n) for k, n in enumerate(classes, start=1)
        ])
    if labelled:
        content['annotations'] = annotations
    path = root / f'{name}.json'
    path.write_text(json.dumps(content))
    return path


def write_teacher(root: Path, name: str = 'teacher', classes=CLASSES,
                  gain: float = 1., **model) -> tuple[Path, Path]:
    """Write config and checkpoint of a teacher with its own options."""
    config = root / f'{name}.py'
    config.write_text(
        CONFIG.format(root=str(root), classes=tuple(classes))
        + f'model.update({model!r})\n')
    checkpoint = root / f'{name}.pth'
    # Into memory first: the bytes of a file depend on its name.
    buffer = io.BytesIO()
    torch.save(
        dict(state_dict=dict(gain=torch.tensor([gain])),
             meta=dict(dataset_meta=dict(classes=tuple(classes)))), buffer)
    checkpoint.write_bytes(buffer.getvalue())
    return config, checkpoint


def rows(content):
    """Image, category, box and score of each annotation."""
    return [(a['image_id'], a['category_id'], a['bbox'], a['score'])
            for a in content['annotations']]
