# The pretext task: the student's backbone learns to hear how many vehicles
# there are. Their number is that of the boxes which three teachers have
# written into annotations/train_pseudo.json. See docs/mm_distillnet.md, also
# for how the student then starts from this backbone.
_base_ = [
    '../_base_/models/efficientdet_d2.py',
    '../_base_/datasets/mavd.py',
    '../_base_/default_runtime.py',
]

# As the student hears; backbone.out_indices end at P5, of 352 channels. The
# paper says neither the size of the MLP nor the number of classes.
model = dict(
    _delete_=True,
    type='mmxkd.VehicleCounter',
    data_preprocessor=dict(
        type='mmxkd.SoundDetDataPreprocessor',
        frame=(_base_.side, _base_.side),
        microphones=8),
    backbone=dict(_base_.model.backbone, in_channels=8),
    in_channels=352,
    hidden_channels=256,
    max_count=5)

train_dataloader = dict(
    dataset=dict(
        ann_file='annotations/train_pseudo.json',
        # Frames without boxes count as well: there are 0 vehicles.
        unlabelled=False,
        # Sound alone, so that no picture is needed.
        cameras=(),
        leave_out_incomplete=False,
        pipeline=_base_.train_pipeline))

# Of MAVD, name a file of tools/label.py as ann_file of both loaders.
val_evaluator = test_evaluator = dict(
    _delete_=True,
    type='mmxkd.CountMetric',
    truth='boxes of the synthetic drives',
    parts=_base_.val_evaluator.parts)
default_hooks = dict(checkpoint=dict(save_best='count/accuracy'))
custom_hooks = [dict(type='mmxkd.EpochSeedHook')]

# Of the pretext task, no schedule is published: rate and epochs are the
# student's.
optim_wrapper = dict(type='OptimWrapper', optimizer=dict(type='Adam', lr=1e-4))
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=50, val_interval=5)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
