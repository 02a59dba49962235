# Frames that the teacher labelled, with tiny models: the tiny baseline learns
# from the boxes that the tiny teacher wrote.
_base_ = './fog_baseline_tiny.py'

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

# Weighs frames by who labelled them, and logs them apart.
custom_hooks = [*_base_.custom_hooks, dict(type='mmxkd.LabelSourcesHook')]
