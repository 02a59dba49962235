# The pretext task with tiny models: the tiny student's backbone counts.
_base_ = './sound_tiny.py'

model = dict(
    _delete_=True,
    type='mmxkd.VehicleCounter',
    data_preprocessor=_base_.model.data_preprocessor,
    backbone=_base_.model.backbone,
    in_channels=128,
    hidden_channels=64,
    max_count=5)

val_evaluator = test_evaluator = dict(
    _delete_=True,
    type='mmxkd.CountMetric',
    truth='boxes of the synthetic drives',
    parts=_base_.val_evaluator.parts)
default_hooks = dict(checkpoint=dict(save_best='count/accuracy'))
