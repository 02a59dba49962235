# The tiny teacher that sees temperatures, stretched to 0..255 in each picture.
_base_ = './teacher_rgb_tiny.py'

model = dict(
    data_preprocessor=dict(
        modalities=('thermal', ), mean=[127.5], std=[64.], bgr_to_rgb=False),
    backbone=dict(in_channels=1))

cameras = dict(dataset=dict(cameras=('thermal', )))
train_dataloader = val_dataloader = test_dataloader = cameras
del cameras
