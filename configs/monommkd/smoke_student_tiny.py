# mmdet3d's SMOKE, which sees RGB, with tiny models.
_base_ = ['../_base_/models/smoke_tiny.py', '../_base_/mono3d_tiny.py']
model = dict(data_preprocessor=_base_.view)
train_dataloader = dict(dataset=dict(pipeline=_base_.affine_train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.affine_test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.affine_test_pipeline))
