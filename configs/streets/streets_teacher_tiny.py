# The teacher: the baseline on RGB and the depth of a LiDAR, in metres; 80 m
# count as 255, and pixels without a value are 0.
_base_ = './streets_baseline_tiny.py'

model = dict(
    data_preprocessor=dict(
        modalities=('img', 'depth'),
        max_value=dict(depth=80),
        mean=[123.675, 116.28, 103.53, 30.],
        std=[58.395, 57.12, 57.375, 50.]),
    backbone=dict(in_channels=4))

train_dataloader = dict(dataset=dict(pipeline=_base_.depth_train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.depth_test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.depth_test_pipeline))
