# The tiny SMOKE that sees LiDAR depth.
_base_ = './smoke_student_tiny.py'
pipeline = _base_.affine_depth_test_pipeline
model = dict(
    data_preprocessor=dict(modalities=('depth', ), depth_norm='plain'))
val_dataloader = dict(dataset=dict(pipeline=pipeline))
test_dataloader = dict(dataset=dict(pipeline=pipeline))
