# The student with tiny models: a quarter of the width, pictures of 640x192,
# for synthetic streets. No crops: each scene at the size that it is tested at.
_base_ = ['./student.py', '../_base_/tiny.py']
data_root = 'data/kitti_synthetic/'
width, epochs = 0.25, 20


def at_own_size(pipeline):
    for step in pipeline:
        if 'img_scale' in step:
            yield dict(step, img_scale=(640, 192))
            if _base_.load_depth in pipeline:
                # So small a network sees little in single hits.
                yield dict(type='mmxkd.CompleteDepth')
        elif step != _base_.crop:
            yield step


train_pipeline = [*at_own_size(_base_.train_pipeline)]
test_pipeline = [*at_own_size(_base_.test_pipeline)]
depth_test_pipeline = [*at_own_size(_base_.depth_test_pipeline)]

model = dict(
    backbone=dict(width=width),
    neck=dict(in_channels=(16, 32, 64, 128)),
    # Boxes and depths start at a mean: few steps cannot find it and more.
    bbox_head=dict(
        in_channels=16,
        feat_channels=32,
        start_extent=(10., 10.),
        depth=dict(_delete_=True, type='mmxkd.DidDepthHead', start_depth=20.)))
train_dataloader = dict(
    **_base_.tiny.loader,
    batch_size=4,
    dataset=dict(data_root=data_root, pipeline=train_pipeline))
val_dataloader = test_dataloader = dict(
    **_base_.tiny.loader,
    dataset=dict(data_root=data_root, pipeline=test_pipeline))
val_evaluator = test_evaluator = dict(ann_file=data_root +
                                      'kitti_infos_val.json')

# These answer in cells and metres, far from what their layers begin with.
far = dict(lr_mult=5.)
optim_wrapper = dict(
    optimizer=dict(_delete_=True, type='AdamW', lr=0.002, weight_decay=0.01),
    paramwise_cfg=dict(custom_keys={
        'offset_2d.2': far,
        'size_2d.2': far,
        'roi_branch': far
    }),
    clip_grad=dict(max_norm=10))
param_scheduler = _base_.tiny.param_scheduler
param_scheduler[1].T_max = epochs
train_cfg = dict(max_epochs=epochs, val_interval=epochs)
# A training that is stopped goes on from its last epoch.
default_hooks = dict(checkpoint=dict(interval=1))
# Too few epochs for tasks that wait for each other.
custom_hooks = [
    dict(type='mmxkd.EpochSeedHook'),
    dict(type='mmxkd.ChannelsLastHook'),
]
del width, epochs, far
