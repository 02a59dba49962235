# The baseline in the small, for the demo and CI: synthetic frames of 320x192
# at their own size, and a narrow ResNet-18 whose batch norm trains.
#
# Like the large ones, the tiny models start from one common detector: that of
# fog_pretrain_tiny.py, named by `--cfg-options load_from=…`. They keep its
# stem, since so few iterations would not train a new one.
_base_ = './fog_baseline.py'
load_from = None
custom_hooks = [
    *_base_.custom_hooks[:-1],
    dict(type='mmxkd.StemInitHook', mode='keep')
]
data_root = 'data/stf_synthetic/'


def at_own_size(pipeline):
    return [
        dict(step, scale=(320, 192)) if 'scale' in step else step
        for step in pipeline
    ]


train_pipeline = at_own_size(_base_.train_pipeline)
test_pipeline = at_own_size(_base_.test_pipeline)
gated_train_pipeline = at_own_size(_base_.gated_train_pipeline)
gated_test_pipeline = at_own_size(_base_.gated_test_pipeline)

# Frames are small: no worker, no waiting for one to start.
loader = dict(num_workers=0, persistent_workers=False)
train_dataloader = dict(
    **loader,
    batch_size=4,
    dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = test_dataloader = dict(
    **loader, dataset=dict(data_root=data_root, pipeline=test_pipeline))
val_evaluator = dict(ann_file=data_root + 'annotations/val.json')
test_evaluator = dict(ann_file=data_root + 'annotations/test.json')

width = 16
model = dict(
    backbone=dict(
        depth=18,
        base_channels=width,
        norm_cfg=dict(requires_grad=True, eps=1e-5),
        norm_eval=False),
    neck=dict(
        in_channels=[width, 2 * width, 4 * width, 8 * width],
        out_channels=32),
    rpn_head=dict(
        in_channels=32,
        feat_channels=32,
        anchor_generator=dict(scales=[4], ratios=[1.0, 2.0, 3.0])),
    roi_head=dict(
        bbox_roi_extractor=dict(out_channels=32, finest_scale=28),
        bbox_head=dict(in_channels=32, fc_out_channels=128)),
    train_cfg=dict(
        rpn=dict(sampler=dict(num=64)),
        rpn_proposal=dict(nms_pre=200, max_per_img=100),
        rcnn=dict(sampler=dict(num=32))),
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
