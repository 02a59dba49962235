# The teacher that sees depth as a picture in JET colours: the colour teacher's
# network. As published, channels are blue, green, red, and not standardised.
_base_ = './teacher_rgb.py'

model = dict(
    data_preprocessor=dict(
        modalities=('depth_picture', ),
        mean=[0., 0., 0.],
        std=[255., 255., 255.],
        bgr_to_rgb=False))

sees = dict(cameras=('depth', ))
train_dataloader = dict(
    dataset=dict(**sees, pipeline=_base_.camera_train_pipelines.depth))
tested = dict(
    dataset=dict(**sees, pipeline=_base_.camera_test_pipelines.depth))
val_dataloader = test_dataloader = tested
del sees, tested
