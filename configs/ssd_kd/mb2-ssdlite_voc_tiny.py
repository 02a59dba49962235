# The tiny student without a teacher: half of MobileNetV2's channels, on the
# data of vgg16-ssd_voc_tiny.py.
_base_ = ['../_base_/models/ssd3000_tiny.py', '../_base_/ssd_tiny.py']
model = _base_.mb2_ssdlite
