# The tiny teacher that sees temperatures, stretched to 0..255 in each picture.
_base_ = './teacher_rgb_tiny.py'

model = dict(
    data_preprocessor=dict(
        modalities=('thermal', ), mean=[127.5], std=[64.], bgr_to_rgb=False),
    backbone=dict(in_channels=1))

sees = dict(cameras=('thermal', ))
train_dataloader = dict(
    dataset=dict(**sees, pipeline=_base_.camera_train_pipelines.thermal))
tested = dict(
    dataset=dict(**sees, pipeline=_base_.camera_test_pipelines.thermal))
val_dataloader = test_dataloader = tested
del sees, tested
