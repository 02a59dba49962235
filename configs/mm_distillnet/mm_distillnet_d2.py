# MM-DistillNet: three frozen cameras teach eight microphones. Their fused
# boxes are the labels, and the student's pyramid attends where all three do
# (joint MTA, the paper's form).
_base_ = ['./sound_d2.py', '../_base_/distillers/mm_distillnet.py']

model = dict(
    _delete_=True,
    type='mmxkd.CrossModalDistill',
    student=_base_.model,
    teachers=dict(
        rgb=dict(
            cfg='configs/mm_distillnet/teacher_rgb.py',
            checkpoint='work_dirs/teacher_rgb'),
        thermal=dict(
            cfg='configs/mm_distillnet/teacher_thermal.py',
            checkpoint='work_dirs/teacher_thermal'),
        depth=dict(
            cfg='configs/mm_distillnet/teacher_depth.py',
            checkpoint='work_dirs/teacher_depth')),
    distiller=_base_.three_cameras,
    # The student lays its maps out in a frame of this size.
    dry_run=(384, 768))

train_dataloader = dict(
    dataset=dict(**_base_.taught_frames, pipeline=_base_.distill_pipeline))
