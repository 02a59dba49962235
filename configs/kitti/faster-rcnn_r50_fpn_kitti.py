# Faster R-CNN on KITTI's 2-D benchmark: mmdet's model and COCO weights. The
# schedule is our choice, mmdet's 1x with the learning rate for 4 frames.
_base_ = [
    'mmdet::_base_/models/faster-rcnn_r50_fpn.py',
    '../_base_/datasets/kitti_2d.py',
    '../_base_/default_runtime.py',
]

# What lies in an ignored region by half teaches nothing. With mmdet's own
# value of -1 it would be background.
ignoring = dict(assigner=dict(ignore_iof_thr=0.5))
model = dict(
    backbone=dict(init_cfg=None),
    roi_head=dict(bbox_head=dict(num_classes=3)),
    train_cfg=dict(rpn=ignoring, rcnn=ignoring))
load_from = 'https://download.openmmlab.com/mmdetection/v2.0/faster_rcnn/faster_rcnn_r50_fpn_1x_coco/faster_rcnn_r50_fpn_1x_coco_20200130-047c8118.pth'  # noqa: E501

train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=12, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.005, momentum=0.9, weight_decay=0.0001))
param_scheduler = [
    dict(
        type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=500),
    dict(type='MultiStepLR', by_epoch=True, milestones=[8, 11], gamma=0.1)
]
auto_scale_lr = dict(enable=False, base_batch_size=4)

# The mean over the three classes.
default_hooks = dict(
    checkpoint=dict(save_best='kitti/Overall_bbox_AP40_moderate_strict'))
# The predictor has other classes than COCO's.
custom_hooks = [
    dict(type='mmxkd.EpochSeedHook'),
    dict(
        type='mmxkd.StartingWeightsHook',
        fresh=['roi_head.bbox_head.fc_cls', 'roi_head.bbox_head.fc_reg'])
]
