# One camera teaches the microphones, with tiny models.
_base_ = './mm_distillnet_tiny.py'

_base_.one_camera.labels.boxes.teachers.rgb.score_thr = 0.4

model = dict(
    teachers=dict(
        _delete_=True,
        rgb=dict(
            cfg='configs/mm_distillnet/teacher_rgb_tiny.py',
            checkpoint='work_dirs/teacher_rgb_tiny')),
    distiller=_base_.one_camera)

train_dataloader = dict(
    dataset=dict(cameras=('rgb', ), pipeline=_base_.rgb_distill_pipeline))
