# The tiny teacher that sees depth as a picture in JET colours.
_base_ = './teacher_rgb_tiny.py'

model = dict(
    data_preprocessor=dict(
        modalities=('depth_picture', ),
        mean=[127.5, 127.5, 127.5],
        std=[64., 64., 64.],
        bgr_to_rgb=False))

sees = dict(cameras=('depth', ))
train_dataloader = dict(
    dataset=dict(**sees, pipeline=_base_.camera_train_pipelines.depth))
tested = dict(
    dataset=dict(**sees, pipeline=_base_.camera_test_pipelines.depth))
val_dataloader = test_dataloader = tested
del sees, tested
