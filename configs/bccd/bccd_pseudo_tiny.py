# Frames that the teacher labelled: the baseline learns from the boxes that the
# teacher wrote, too. As many iterations as the baseline.
_base_ = './bccd_baseline_tiny.py'

# In every batch, half of the frames are of either kind. One pass of those that
# humans labelled is an epoch.
train_dataloader = dict(
    batch_sampler=dict(type='mmxkd.MixedBatchSampler', ratio=(1, 1)),
    dataset=dict(
        _delete_=True,
        type='mmxkd.MixedDataset',
        datasets=[
            dict(
                _base_.train_dataloader.dataset,
                pipeline=_base_.human_train_pipeline),
            dict(
                _base_.train_dataloader.dataset,
                ann_file='annotations/pseudo.json',
                pipeline=_base_.teacher_train_pipeline)
        ]))
param_scheduler = _base_.param_scheduler
param_scheduler[1].T_max = 12
train_cfg = dict(max_epochs=12, val_interval=12)

# Weighs frames by who labelled them, and logs them apart.
custom_hooks = [*_base_.custom_hooks, dict(type='mmxkd.LabelSourcesHook')]
