# The tiny teacher: the tiny student's network on LiDAR depth.
_base_ = './student_tiny.py'

# A channel for each of twelve depths, which batch norm does not scale.
model = dict(
    data_preprocessor=dict(
        modalities=('depth', ), depth_norm='bins', depth_channels=12),
    backbone=dict(in_channels=12))

val_dataloader = dict(dataset=dict(pipeline=_base_.depth_test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.depth_test_pipeline))
