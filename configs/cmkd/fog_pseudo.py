# The baseline learns from few frames that humans labelled, and from others
# that the teacher labelled, in annotations/pseudo.json: see
# docs/unlabelled_frames.md.
_base_ = './fog_baseline.py'

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
