# The published schedule: 40,000 steps of 32 frames, a cosine from 0.02 to
# 2e-9 without warm-up. 345 epochs of the 3712 training frames are 40,020.
max_epochs = 345
train_cfg = dict(
    type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

# Each gradient is clipped by itself. Two kernels decay and nothing else: the
# head's, and that of the adapter beside a teacher.
optim_wrapper = dict(
    type='mmxkd.PerTensorClipOptimWrapper',
    optimizer=dict(type='SGD', lr=0.02, momentum=0.9, weight_decay=5e-4),
    clip_grad=dict(max_norm=1.0),
    paramwise_cfg=dict(
        bias_decay_mult=0., custom_keys=dict(backbone=dict(decay_mult=0.))))
param_scheduler = [
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        T_max=max_epochs,
        eta_min=2e-9,
        convert_to_iter_based=True)
]
# Statistics of batch norm go over all GPUs.
sync_bn = 'torch'
auto_scale_lr = dict(enable=False, base_batch_size=32)

custom_hooks = [dict(type='mmxkd.EpochSeedHook')]
