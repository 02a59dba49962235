# Variant B of fine-grained imitation, the teacher: Faster R-CNN on VGG-16, on
# VOC2007. Anchors, data and schedule are the published ones; head, RoIAlign
# and training targets are mmdet's, so that it is NOT equal to the published
# detector: docs/fine_grained.md.
_base_ = [
    '../_base_/datasets/voc0712.py',
    '../_base_/default_runtime.py',
]
# Ratios 0.5, 1, 2 of scales 8, 16, 32, rounded before they were scaled.
base_anchors = [[(-84, -40, 99, 55), (-176, -88, 191, 103),
                 (-360, -184, 375, 199), (-56, -56, 71, 71),
                 (-120, -120, 135, 135), (-248, -248, 263, 263),
                 (-36, -80, 51, 95), (-80, -168, 95, 183),
                 (-168, -344, 183, 359)]]
iou = dict(type='MaxIoUAssigner', ignore_iof_thr=-1)
sampler = dict(type='RandomSampler', num=256, neg_pos_ub=-1)
nms = dict(type='nms', iou_threshold=0.7)
model = dict(
    type='FasterRCNN',
    data_preprocessor=dict(
        type='DetDataPreprocessor',
        mean=[102.9801, 115.9465, 122.7717],
        std=[1.0, 1.0, 1.0],
        bgr_to_rgb=False,
        pad_size_divisor=16),
    # Frozen as published: name ImageNet weights in init_cfg, as
    # docs/fine_grained.md says, or training does not start.
    backbone=dict(type='mmxkd.PlainVGG', depth=16, frozen_stages=2),
    rpn_head=dict(
        type='RPNHead',
        in_channels=512,
        feat_channels=512,
        anchor_generator=dict(
            type='mmxkd.ListedAnchorGenerator',
            strides=[16],
            base_anchors=base_anchors),
        bbox_coder=dict(
            type='DeltaXYWHBBoxCoder',
            target_means=[.0, .0, .0, .0],
            target_stds=[1.0, 1.0, 1.0, 1.0]),
        loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=True),
        loss_bbox=dict(type='SmoothL1Loss', beta=1 / 9)),
    roi_head=dict(
        type='StandardRoIHead',
        bbox_roi_extractor=dict(
            type='SingleRoIExtractor',
            roi_layer=dict(type='RoIAlign', output_size=7, sampling_ratio=0),
            out_channels=512,
            featmap_strides=[16]),
        bbox_head=dict(
            type='Shared2FCBBoxHead',
            in_channels=512,
            fc_out_channels=4096,
            roi_feat_size=7,
            num_classes=20,
            bbox_coder=dict(
                type='DeltaXYWHBBoxCoder',
                target_means=[0., 0., 0., 0.],
                target_stds=[0.1, 0.1, 0.2, 0.2]),
            reg_class_agnostic=False,
            loss_cls=dict(type='CrossEntropyLoss'),
            loss_bbox=dict(type='SmoothL1Loss'))),
    train_cfg=dict(
        rpn=dict(
            assigner=dict(
                **iou, pos_iou_thr=0.7, neg_iou_thr=0.3, min_pos_iou=0.0),
            sampler=dict(
                **sampler, pos_fraction=0.5, add_gt_as_proposals=False),
            allowed_border=0,
            pos_weight=-1,
            debug=False),
        rpn_proposal=dict(
            nms_pre=12000, max_per_img=2000, nms=nms, min_bbox_size=0),
        rcnn=dict(
            assigner=dict(
                **iou,
                pos_iou_thr=0.5,
                neg_iou_thr=0.5,
                min_pos_iou=0.5,
                match_low_quality=False),
            sampler=dict(
                **sampler, pos_fraction=0.25, add_gt_as_proposals=True),
            pos_weight=-1,
            debug=False)),
    test_cfg=dict(
        rpn=dict(nms_pre=6000, max_per_img=300, nms=nms, min_bbox_size=0),
        rcnn=dict(
            score_thr=0.0,
            nms=dict(type='nms', iou_threshold=0.3),
            max_per_img=100)))

# The short side is 600; the published code has no limit for the long one.
resize = dict(type='mmxkd.Resize', scale=(2400, 600), keep_ratio=True)
train_pipeline = [
    _base_.load_image, _base_.load_boxes, resize,
    dict(type='mmxkd.RandomFlip', prob=0.5),
    dict(type='PackDetInputs')
]
test_pipeline = [
    _base_.load_image, resize, _base_.load_boxes, _base_.test_pipeline[-1]
]
train_dataloader = dict(
    batch_size=2,
    dataset=dict(splits=['VOC2007/trainval'], pipeline=train_pipeline))
val_dataloader = test_dataloader = dict(
    batch_size=1, dataset=dict(pipeline=test_pipeline))

# Only the last epoch is evaluated: validation is on the test pictures, and
# nothing shall be chosen by them.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=15, val_interval=15)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=3e-3, momentum=0.9, weight_decay=5e-4),
    clip_grad=dict(max_norm=10),
    paramwise_cfg=dict(bias_lr_mult=2.0, bias_decay_mult=0.0))
param_scheduler = [
    dict(type='MultiStepLR', by_epoch=True, milestones=[8], gamma=0.1)
]
# The published baseline trained with 4 pictures in a batch.
auto_scale_lr = dict(enable=False, base_batch_size=4)
custom_hooks = [dict(type='mmxkd.EpochSeedHook')]
default_hooks = dict(checkpoint=dict(save_best='pascal_voc/mAP'))
del iou, sampler, nms
