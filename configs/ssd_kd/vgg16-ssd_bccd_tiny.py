# The tiny teacher on blood cells (BCCD).
_base_ = ['../_base_/models/ssd3000_tiny.py', '../_base_/ssd_bccd_tiny.py']
model = _base_.vgg16_ssd
