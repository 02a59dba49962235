# The schedule of DID-M3D and MonoSKD: 5 epochs of warm-up along a cosine,
# then a tenth from epoch 95, and a hundredth from epoch 125, 0-based. The
# drops stand at 90 and 120 in the published configs, which count them after
# the warm-up.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=150, val_interval=10)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

# Weight decay spares everything called a bias, those of batch norms too.
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='Adam', lr=1e-5, weight_decay=1e-5),
    paramwise_cfg=dict(custom_keys={'bias': dict(decay_mult=0.)}))

param_scheduler = [
    # From lr up to 100 lr: the annealing, upside down.
    dict(
        type='CosineAnnealingLR',
        by_epoch=True,
        eta_min_ratio=100.,
        T_max=5,
        begin=0,
        end=6),
    dict(type='MultiStepLR', by_epoch=True, milestones=[95, 125], gamma=0.1)
]

# The learning rate, 0.001 after the warm-up, is for 16 frames.
auto_scale_lr = dict(enable=False, base_batch_size=16)
