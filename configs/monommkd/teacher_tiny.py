# The tiny teacher: the tiny student's network on LiDAR depth.
_base_ = './student_tiny.py'

# Stated, so that a checkpoint tells it: another one would see other inputs.
model = dict(
    data_preprocessor=dict(modalities=('depth', ), depth_norm='plain'))

val_dataloader = dict(dataset=dict(pipeline=_base_.depth_test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.depth_test_pipeline))
