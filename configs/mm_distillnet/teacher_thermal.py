# The teacher that sees temperatures: the colour teacher's network on one
# channel. As published, pictures are stretched to 0..1 and not standardised.
_base_ = './teacher_rgb.py'

model = dict(
    data_preprocessor=dict(
        modalities=('thermal', ), mean=[0.], std=[255.], bgr_to_rgb=False),
    backbone=dict(in_channels=1))

sees = dict(cameras=('thermal', ))
train_dataloader = dict(
    dataset=dict(**sees, pipeline=_base_.camera_train_pipelines.thermal))
tested = dict(
    dataset=dict(**sees, pipeline=_base_.camera_test_pipelines.thermal))
val_dataloader = test_dataloader = tested
del sees, tested
