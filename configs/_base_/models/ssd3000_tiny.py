# The models of ssd3000.py for three classes: a quarter of VGG-16's channels,
# half of MobileNetV2's.
_base_ = './ssd3000.py'

# They start from random weights: with norms, and from smaller logits than
# those of He's start.
norm = dict(type='BN')
xavier = dict(type='Xavier', layer='Conv2d', distribution='uniform')
vgg16_ssd = dict(
    backbone=dict(width=0.25, norm_cfg=norm),
    neck=dict(
        in_channels=(256, ),
        out_channels=(256, 128, 128, 64, 64, 64),
        norm_cfg=norm),
    bbox_head=dict(
        num_classes=3,
        in_channels=(256, 128, 128, 64, 64, 64),
        init_cfg=xavier))
mb2_ssdlite = dict(
    backbone=dict(widen_factor=0.5),
    neck=dict(in_channels=(288, 1280)),
    bbox_head=dict(
        num_classes=3,
        in_channels=(288, 1280, 512, 256, 256, 64),
        init_cfg=xavier))
