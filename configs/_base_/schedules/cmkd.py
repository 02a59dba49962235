# The schedule of the CMKD paper's code, the same for all four models.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=100, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='SGD', lr=0.005, momentum=0.9, weight_decay=5e-4))

param_scheduler = [
    # From lr / 1000 to lr along the first epoch, whatever its number of
    # iterations. The original caps the warm-up at 1000 iterations: with longer
    # epochs write by_epoch=False, begin=0, end=1001 here.
    dict(
        type='LinearLR',
        start_factor=0.001,
        by_epoch=True,
        begin=0,
        end=1,
        convert_to_iter_based=True),
    dict(type='StepLR', by_epoch=True, step_size=5, gamma=0.1)
]

custom_hooks = [
    dict(type='mmxkd.EpochSeedHook'),
    # The sixth epoch in a row that is no better than the best one ends it.
    dict(
        type='mmxkd.StrictEarlyStoppingHook',
        monitor='coco/bbox_mAP',
        rule='greater',
        min_delta=0,
        patience=6,
        strict=True)
]

# The learning rate above is for 1 GPU with 4 frames.
auto_scale_lr = dict(enable=False, base_batch_size=4)
