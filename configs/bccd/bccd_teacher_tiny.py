# The teacher: the baseline on the dark picture and a clean copy of it.
_base_ = './bccd_baseline_tiny.py'

model = dict(
    data_preprocessor=dict(
        modalities=('img', 'clean'),
        mean=[32., 30., 31., 189., 179., 182.],
        std=[9., 9., 9., 20., 26., 23.]),
    backbone=dict(in_channels=6))

train_dataloader = dict(dataset=dict(pipeline=_base_.clean_train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.clean_test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=_base_.clean_test_pipeline))
