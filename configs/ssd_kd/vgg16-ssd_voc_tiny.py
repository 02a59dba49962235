# The tiny teacher, for CI and laptops: a quarter of VGG-16's channels and 3
# classes, on synthetic streets in VOC's form. It has the 3000 priors of the
# full one.
_base_ = ['../_base_/models/ssd3000_tiny.py', '../_base_/ssd_tiny.py']
model = _base_.vgg16_ssd
