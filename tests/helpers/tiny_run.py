"""Data and config of the smallest run of a real detector, for tests.

One epoch takes well under a second on one core: eight pictures of 64x64 with
coloured boxes, and a RetinaNet of a few thousand weights. The pipeline draws
random augmentations, so that a run shows whether its randomness is exact.
"""
import json
from pathlib import Path

import cv2
import numpy as np

CONFIG = '''
default_scope = 'mmdet'
data_root = {data_root!r}
width = 4
model = dict(
    type='RetinaNet',
    data_preprocessor=dict(
        type='DetDataPreprocessor', mean=[127.] * 3, std=[64.] * 3,
        bgr_to_rgb=True, pad_size_divisor=32),
    backbone=dict(
        type='ResNet', depth=18, base_channels=width, frozen_stages=-1,
        norm_cfg=dict(type='BN'), norm_eval=False),
    neck=dict(
        type='FPN', in_channels=[width, 2 * width, 4 * width, 8 * width],
        out_channels={channels}, start_level=1, num_outs=3),
    bbox_head=dict(
        type='RetinaHead', num_classes=1, in_channels={channels},
        feat_channels={channels},
        stacked_convs=1,
        anchor_generator=dict(
            type='AnchorGenerator', scales=[2, 4], ratios=[1.0],
            strides=[8, 16, 32]),
        bbox_coder=dict(type='DeltaXYWHBBoxCoder'),
        loss_cls=dict(type='FocalLoss', use_sigmoid=True),
        loss_bbox=dict(type='L1Loss')),
    train_cfg=dict(
        assigner=dict(
            type='MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.4,
            min_pos_iou=0, ignore_iof_thr=-1),
        sampler=dict(type='PseudoSampler'), allowed_border=-1, pos_weight=-1),
    test_cfg=dict(
        nms_pre=50, min_bbox_size=0, score_thr=0.01,
        nms=dict(type='nms', iou_threshold=0.5), max_per_img=10))
metainfo = dict(classes=('box', ), palette=[(220, 20, 60)])
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='PhotoMetricDistortion'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(64, 64)),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='PackDetInputs',
         meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape',
                    'scale_factor')),
]
train_dataloader = dict(
    batch_size=2, num_workers={workers}, persistent_workers={workers} > 0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='CocoDataset', data_root=data_root, ann_file='train.json',
        data_prefix=dict(img=''),
        metainfo=metainfo, pipeline=train_pipeline))
val_dataloader = dict(
    batch_size=2, num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='CocoDataset', data_root=data_root, ann_file='val.json',
        data_prefix=dict(img=''),
        metainfo=metainfo, pipeline=test_pipeline, test_mode=True))
test_dataloader = val_dataloader
val_evaluator = dict(type='CocoMetric', ann_file=data_root + '/val.json')
test_evaluator = val_evaluator
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs={epochs})
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper', clip_grad=dict(max_norm=5),
    optimizer=dict(type='AdamW', lr=1e-3))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=6),
    dict(type='MultiStepLR', milestones=[2], by_epoch=True)]
default_hooks = dict(
    logger=dict(type='LoggerHook', interval=1),
    visualization=dict(type='DetVisualizationHook'),
    checkpoint=dict(type='CheckpointHook', interval=1, max_keep_ckpts={keep},
                    save_best='coco/bbox_mAP', rule='greater'))
visualizer = dict(
    type='DetLocalVisualizer', vis_backends=[dict(type='LocalVisBackend')])
randomness = dict(seed=3)
env_cfg = dict(dist_cfg=dict(backend='nccl'))
'''

# Trainable connectors (8 -> 12 channels) and discriminators, beside a student.
DISTILLED = '''
_base_ = {student!r}
model = dict(
    _delete_=True, type='mmxkd.CrossModalDistill', student=_base_.model,
    teachers=dict(wide=dict(cfg={teacher!r}, checkpoint={checkpoint!r})),
    distiller=dict(losses=dict(
        loss_feature=dict(
            type='FeatureMSELoss', loss_weight=0.5,
            student='neck[:2]', teacher='wide:neck[:2]'),
        loss_adversarial=dict(
            type='AdversarialFeatureLoss', num_levels=2, channels=8,
            in_channels=12,
            student='neck[:2]', teacher='wide:neck[:2]'))))
'''


def write_data(root: Path, seed: int = 0) -> None:
    """Write eight training and four validation pictures with COCO labels."""
    draw = np.random.default_rng(seed)
    root.mkdir(parents=True, exist_ok=True)
    for name, number in (('train', 8), ('val', 4)):
        images, annotations = [], []
        for i in range(number):
            picture = draw.integers(0, 90, (64, 64, 3), np.uint8)
            for _ in range(2):
                x, y, w, h = (int(v)
                              for v in draw.integers((2, 2, 16, 16), (30, 30,
                                                                      33, 33)))
                picture[y:y + h, x:x + w] = draw.integers(160, 255, 3)
                annotations.append(
                    dict(id=len(annotations) + 1, image_id=i, category_id=1,
                         bbox=[x, y, w, h], area=w * h, iscrowd=0))
            file = f'{name}_{i}.png'
            cv2.imwrite(str(root / file), picture)
            images.append(dict(id=i, file_name=file, width=64, height=64))
        (root / f'{name}.json').write_text(
            json.dumps(
                dict(images=images, annotations=annotations,
                     categories=[dict(id=1, name='box')])))


def write_config(path: Path, data_root: Path, epochs: int = 3,
                 workers: int = 0, keep: int = 1, channels: int = 8,
                 more: str = '') -> Path:
    """Write the config, with the lines ``more`` at its end."""
    path.write_text(
        CONFIG.format(data_root=str(data_root), epochs=epochs, workers=workers,
                      keep=keep, channels=channels) + more)
    return path


def write_distilled(path: Path, student: Path, teacher: Path, checkpoint: Path,
                    more: str = '') -> Path:
    """Write the config that distils ``teacher`` into ``student``."""
    path.write_text(
        DISTILLED.format(student=str(student), teacher=str(teacher),
                         checkpoint=str(checkpoint)) + more)
    return path
