# MM-DistillNet: three frozen cameras teach eight microphones. Their fused
# boxes are the labels, and the student's pyramid attends where all three do
# (joint MTA, the paper's form).
_base_ = './sound_d2.py'

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
    distiller=dict(
        labels=dict(
            boxes=dict(
                type='mmxkd.FusedTeacherLabels',
                teachers=dict(
                    rgb=dict(score_thr=0.3),
                    thermal=dict(score_thr=0.3),
                    depth=dict(score_thr=0.3)),
                fusion='nms',
                class_agnostic=True,
                iou_thr=0.5)),
        losses=dict(
            loss_mta=dict(
                type='MultiTeacherAlignmentLoss',
                fusion='joint',
                loss_weight=0.005,
                student='neck',
                teacher=['rgb:neck', 'thermal:neck', 'depth:neck']))),
    # The student lays its maps out in a frame of this size.
    dry_run=(384, 768))

# No labels are read: the batch has what the teachers see.
train_dataloader = dict(
    dataset=dict(
        ann_file='annotations/train.json',
        unlabelled=True,
        cameras=('rgb', 'thermal', 'depth'),
        leave_out_incomplete=True,
        pipeline=_base_.distill_pipeline))
