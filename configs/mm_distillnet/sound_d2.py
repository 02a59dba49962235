# The student without distillation: EfficientDet-D2 that hears eight
# microphones, and learns from boxes that teachers wrote into a file.
_base_ = [
    '../_base_/models/efficientdet_d2.py',
    '../_base_/datasets/mavd.py',
    '../_base_/schedules/mm_distillnet.py',
    '../_base_/default_runtime.py',
]

model = dict(
    data_preprocessor=dict(
        _delete_=True,
        type='mmxkd.SoundDetDataPreprocessor',
        # The lower half of the published 768 x 768 is padding.
        frame=(384, 768),
        # Decibels, -80 to 0. As published: neither mean nor std.
        mean=[-40.] * 8,
        std=[20.] * 8),
    backbone=dict(in_channels=8),
    bbox_head=dict(num_classes=1))

train_dataloader = dict(
    dataset=dict(
        ann_file='annotations/train_pseudo.json',
        unlabelled=False,
        cameras=(),
        leave_out_incomplete=False,
        pipeline=_base_.train_pipeline))
default_hooks = dict(checkpoint=dict(save_best='sound/AP'))
custom_hooks = [dict(type='mmxkd.EpochSeedHook')]
