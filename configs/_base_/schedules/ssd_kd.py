# 70 epochs with a cosine, as the version of the published code that its best
# documented result comes from.
max_epochs = 70
# The pictures of validation are those of the test: only the last epoch is
# evaluated, so that nothing is chosen by them.
train_cfg = dict(
    type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=max_epochs)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=1e-4, momentum=0.9, weight_decay=5e-4))
param_scheduler = [
    dict(type='CosineAnnealingLR', by_epoch=True, T_max=max_epochs)
]
custom_hooks = [
    dict(type='mmxkd.EpochSeedHook'),
    # SSDLite's last map is 1x1.
    dict(type='mmxkd.LoneSampleGuardHook')
]
# The learning rate is for 2 GPUs with 32 pictures.
auto_scale_lr = dict(enable=False, base_batch_size=64)
