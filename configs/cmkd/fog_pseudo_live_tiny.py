# Frames that the teacher labels in the training step, with tiny models: no
# file of labels is needed, and the boxes fit each augmentation.
_base_ = './fog_mse_tiny.py'

model = dict(
    distiller=dict(
        _delete_=True,
        labels=dict(
            boxes=dict(type='TeacherLabels', teacher='gated', score_thr=0.5))))

# In every batch, half of the frames are of either kind. One pass of those that
# humans labelled is an epoch.
train_dataloader = dict(
    batch_sampler=dict(type='mmxkd.MixedBatchSampler', ratio=(1, 1)),
    dataset=dict(
        _delete_=True,
        type='mmxkd.MixedDataset',
        datasets=[
            _base_.train_dataloader.dataset,
            dict(
                _base_.train_dataloader.dataset,
                ann_file='annotations/unlabelled.json',
                unlabelled=True)
        ]))

# Weighs frames by who labelled them, and logs them apart.
custom_hooks = [*_base_.custom_hooks, dict(type='mmxkd.LabelSourcesHook')]
