# The pretext task: the student's backbone learns to hear how many vehicles
# there are. Their number is that of the boxes which three teachers have
# written into annotations/train_pseudo.json. See docs/mm_distillnet.md, also
# for how the student then starts from this backbone.
# Not published, and settled here: the MLP, the number of classes, the schedule
# (the student's).
_base_ = './sound_d2.py'

model = dict(
    _delete_=True,
    type='mmxkd.VehicleCounter',
    # As the student hears.
    data_preprocessor=_base_.model.data_preprocessor,
    backbone=_base_.model.backbone,
    in_channels=352,
    hidden_channels=256,
    max_count=5)

# Of MAVD, name a file of tools/label.py as ann_file of both loaders.
val_evaluator = test_evaluator = dict(
    _delete_=True,
    type='mmxkd.CountMetric',
    truth='boxes of the synthetic drives',
    parts=_base_.val_evaluator.parts)
param_scheduler = [
    dict(
        type='ReduceOnPlateauLR',
        monitor='count/accuracy',
        rule='greater',
        factor=0.1,
        patience=3)
]
default_hooks = dict(checkpoint=dict(save_best='count/accuracy'))
