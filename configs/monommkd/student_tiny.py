# The student with tiny models: a quarter of the width, pictures of 640x192,
# for synthetic streets. No crops: each scene at the size that it is tested at.
# Depth maps are completed: so small a network sees little in single hits.
_base_ = ['./student.py', '../_base_/tiny.py']
data_root = 'data/kitti_synthetic/'
width, epochs = 0.25, 20


def at_own_size(pipeline):
    for step in pipeline:
        if step == _base_.load_depth:
            yield from (step, dict(type='mmxkd.CompleteDepth'))
        elif 'img_scale' in step:
            yield dict(step, img_scale=(640, 192))
        elif step != _base_.crop:
            yield step


train_pipeline = [*at_own_size(_base_.train_pipeline)]
test_pipeline = [*at_own_size(_base_.test_pipeline)]
depth_test_pipeline = [*at_own_size(_base_.depth_test_pipeline)]

model = dict(
    backbone=dict(width=width),
    neck=dict(in_channels=(16, 32, 64, 128)),
    # Boxes start at the mean size: few steps cannot find it and more.
    bbox_head=dict(in_channels=16, feat_channels=32, start_extent=(10., 10.)))
train_dataloader = dict(
    **_base_.tiny.loader,
    batch_size=4,
    dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = test_dataloader = dict(
    **_base_.tiny.loader,
    dataset=dict(data_root=data_root, pipeline=test_pipeline))
val_evaluator = test_evaluator = dict(ann_file=data_root +
                                      'kitti_infos_val.json')

optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=0.002, weight_decay=0.01),
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
# Too few epochs for tasks that wait for each other.
custom_hooks = [dict(type='mmxkd.EpochSeedHook')]
del width, epochs
