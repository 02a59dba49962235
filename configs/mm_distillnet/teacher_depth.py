# The teacher that sees depth as a picture in JET colours: the colour teacher's
# network. As published, channels are blue, green, red, and not standardised.
_base_ = './teacher_rgb.py'

model = dict(
    data_preprocessor=dict(
        modalities=('depth_picture', ),
        mean=[0., 0., 0.],
        std=[255., 255., 255.],
        bgr_to_rgb=False))

cameras = dict(dataset=dict(cameras=('depth', )))
train_dataloader = val_dataloader = test_dataloader = cameras
del cameras
