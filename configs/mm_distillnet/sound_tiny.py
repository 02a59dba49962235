# The tiny student without distillation: it hears eight microphones, and learns
# from boxes that the tiny teachers wrote into a file.
_base_ = '../_base_/sound_tiny.py'

model = dict(_base_.detector, **_base_.hearing)

train_dataloader = dict(
    dataset=dict(
        ann_file='annotations/train_pseudo.json',
        unlabelled=False,
        cameras=(),
        leave_out_incomplete=False,
        pipeline=_base_.train_pipeline))
