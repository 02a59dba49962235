# The same in the small, for CI: synthetic streets of 621x188, and a narrow
# ResNet-18 that starts from nothing.
_base_ = './faster-rcnn_r50_fpn_kitti.py'
load_from = None
data_root = 'data/kitti_synthetic/'


def at_own_size(pipeline):
    return [
        dict(step, scale=(621, 188)) if 'scale' in step else step
        for step in pipeline
    ]


train_pipeline = at_own_size(_base_.train_pipeline)
test_pipeline = at_own_size(_base_.test_pipeline)

# Frames are small: no worker, no waiting for one to start.
loader = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(
    **loader, dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = test_dataloader = dict(
    **loader, dataset=dict(data_root=data_root, pipeline=test_pipeline))
val_evaluator = test_evaluator = dict(
    ann_file=data_root + 'kitti_infos_val.json')

width = 16
model = dict(
    backbone=dict(
        depth=18,
        base_channels=width,
        frozen_stages=-1,
        norm_cfg=dict(requires_grad=True),
        norm_eval=False),
    neck=dict(
        in_channels=[width, 2 * width, 4 * width, 8 * width],
        out_channels=32),
    rpn_head=dict(
        in_channels=32,
        feat_channels=32,
        anchor_generator=dict(scales=[4], ratios=[0.5, 1.0, 2.0, 3.0])),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=32, finest_scale=28),
        bbox_head=dict(in_channels=32, fc_out_channels=128)),
    train_cfg=dict(
        rpn=dict(sampler=dict(num=64)),
        rpn_proposal=dict(nms_pre=200, max_per_img=100),
        rcnn=dict(sampler=dict(num=64))),
    test_cfg=dict(rpn=dict(nms_pre=200, max_per_img=100)))

epochs = 8
optim_wrapper = dict(
    optimizer=dict(
        _delete_=True, type='AdamW', lr=0.002, weight_decay=0.05),
    clip_grad=dict(max_norm=10))
param_scheduler = [
    dict(type='LinearLR', start_factor=0.01, by_epoch=False, begin=0, end=50),
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        T_max=epochs,
        convert_to_iter_based=True)
]
train_cfg = dict(max_epochs=epochs, val_interval=epochs)
