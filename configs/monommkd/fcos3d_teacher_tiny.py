# The tiny FCOS3D that sees LiDAR depth.
_base_ = './fcos3d_student_tiny.py'
model = dict(
    data_preprocessor=dict(modalities=('depth', ), depth_norm='plain'))
val_dataloader = dict(dataset=dict(pipeline=_base_.depth_test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.depth_test_pipeline))
