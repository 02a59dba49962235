# mmdet3d's PGD, which sees RGB, with tiny models.
_base_ = ['../_base_/models/pgd_tiny.py', '../_base_/mono3d_tiny.py']
model = dict(data_preprocessor=_base_.view)
