# Adam for 50 epochs, as published, on batches of 2 frames per GPU. The
# published code lowers the rate by the loss of an epoch's last iteration, and
# takes the checkpoint with the lowest validation loss; here both follow the
# AP on validation frames.
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=50, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')

optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4))
param_scheduler = [
    dict(
        type='ReduceOnPlateauLR',
        monitor='sound/AP',
        rule='greater',
        factor=0.1,
        patience=3)
]

# The learning rate is for 2 frames.
auto_scale_lr = dict(enable=False, base_batch_size=2)
