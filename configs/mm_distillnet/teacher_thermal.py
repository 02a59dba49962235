# The teacher that sees temperatures: the colour teacher's network on one
# channel. As published, pictures are stretched to 0..1 and not standardised.
_base_ = './teacher_rgb.py'

model = dict(
    data_preprocessor=dict(
        modalities=('thermal', ), mean=[0.], std=[255.], bgr_to_rgb=False),
    backbone=dict(in_channels=1))

cameras = dict(dataset=dict(cameras=('thermal', )))
train_dataloader = val_dataloader = test_dataloader = cameras
del cameras
