# What mirrored pictures are worth without a teacher: the baseline on them.
_base_ = '../../cmkd/fog_baseline_tiny.py'
*steps, pack = _base_.train_pipeline

train_dataloader = dict(
    dataset=dict(
        pipeline=[*steps,
                  dict(type='mmxkd.RandomFlip', prob=0.5), pack]))
del steps, pack
