# The tiny teacher: the tiny baseline on RGB and three gated slices.
_base_ = './fog_baseline_tiny.py'
custom_hooks = [
    *_base_.custom_hooks[:-1],
    dict(type='mmxkd.StemInitHook', mode='inflate')
]

model = dict(
    data_preprocessor=dict(
        modalities=('img', 'gated'),
        mean=[123.675, 116.28, 103.53, 103.53, 103.53, 103.53],
        std=[58.395, 57.12, 57.375, 57.375, 57.375, 57.375]),
    backbone=dict(in_channels=6))

train_dataloader = dict(dataset=dict(pipeline=_base_.gated_train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.gated_test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.gated_test_pipeline))
