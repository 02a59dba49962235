# mmdet3d's FCOS3D, which sees RGB, with tiny models.
_base_ = ['../_base_/models/fcos3d_tiny.py', '../_base_/mono3d_tiny.py']
model = dict(data_preprocessor=_base_.view)
