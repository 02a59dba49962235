# The tiny teacher: the tiny student's network on LiDAR depth.
_base_ = './student_tiny.py'

model = dict(data_preprocessor=dict(modalities=('depth', )))

val_dataloader = dict(dataset=dict(pipeline=_base_.depth_test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.depth_test_pipeline))
