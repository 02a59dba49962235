# MM-DistillNet with tiny models: three frozen cameras teach eight microphones.
_base_ = ['./sound_tiny.py', '../_base_/distillers/mm_distillnet.py']

# A threshold for tiny teachers; and at the published temperature and weight,
# the alignment has next to no gradient.
for teacher in _base_.three_cameras.labels.boxes.teachers.values():
    teacher.score_thr = 0.4
_base_.three_cameras.losses.loss_mta.update(temperature=0.1, loss_weight=0.02)
del teacher

model = dict(
    _delete_=True,
    type='mmxkd.CrossModalDistill',
    student=_base_.model,
    teachers=dict(
        rgb=dict(
            cfg='configs/mm_distillnet/teacher_rgb_tiny.py',
            checkpoint='work_dirs/teacher_rgb_tiny'),
        thermal=dict(
            cfg='configs/mm_distillnet/teacher_thermal_tiny.py',
            checkpoint='work_dirs/teacher_thermal_tiny'),
        depth=dict(
            cfg='configs/mm_distillnet/teacher_depth_tiny.py',
            checkpoint='work_dirs/teacher_depth_tiny')),
    distiller=_base_.three_cameras,
    # The student lays its maps out in a frame of this size.
    dry_run=_base_.frame)

train_dataloader = dict(
    dataset=dict(**_base_.taught_frames, pipeline=_base_.distill_pipeline))
