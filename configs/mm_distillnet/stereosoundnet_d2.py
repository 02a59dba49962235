# The baseline of MM-DistillNet's tables: one camera teaches the microphones.
# Its boxes are the labels, and a ranking loss draws sound and picture of a
# frame together, and those of different frames apart.
_base_ = './mm_distillnet_d2.py'

model = dict(
    teachers=dict(
        _delete_=True,
        rgb=dict(
            cfg='configs/mm_distillnet/teacher_rgb.py',
            checkpoint='work_dirs/teacher_rgb')),
    distiller=_base_.one_camera)

train_dataloader = dict(
    dataset=dict(cameras=('rgb', ), pipeline=_base_.rgb_distill_pipeline))
