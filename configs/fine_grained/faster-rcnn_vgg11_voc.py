# Variant B, the student without a teacher: VGG-11.
_base_ = './faster-rcnn_vgg16_voc.py'
model = dict(backbone=dict(depth=11))
