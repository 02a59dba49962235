# The teacher sees LiDAR depth: the student's network and recipe.
# Not known of MonoMMKD, and settled here: depth is normalised as metres / 80
# (`depth_norm='plain'`), and repeated to three channels.
_base_ = './student.py'

# Stated, so that a checkpoint tells it: another one would see other inputs.
model = dict(
    data_preprocessor=dict(modalities=('depth', ), depth_norm='plain'))

val_dataloader = dict(dataset=dict(pipeline=_base_.depth_test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.depth_test_pipeline))
