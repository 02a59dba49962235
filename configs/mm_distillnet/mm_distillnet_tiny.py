# MM-DistillNet with tiny models: three frozen cameras teach eight microphones.
_base_ = './sound_tiny.py'

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
    distiller=dict(
        labels=dict(
            boxes=dict(
                type='mmxkd.FusedTeacherLabels',
                teachers=dict(
                    rgb=dict(score_thr=0.4),
                    thermal=dict(score_thr=0.4),
                    depth=dict(score_thr=0.4)),
                fusion='nms',
                class_agnostic=True,
                iou_thr=0.5)),
        losses=dict(
            loss_mta=dict(
                type='MultiTeacherAlignmentLoss',
                fusion='joint',
                # At the published 9 and 0.005 it has next to no gradient.
                temperature=0.1,
                loss_weight=0.02,
                student='neck',
                teacher=['rgb:neck', 'thermal:neck', 'depth:neck']))),
    # The student lays its maps out in a frame of this size.
    dry_run=_base_.frame)

# No labels are read: the batch has what the teachers see.
train_dataloader = dict(
    dataset=dict(
        ann_file='annotations/train.json',
        unlabelled=True,
        cameras=('rgb', 'thermal', 'depth'),
        leave_out_incomplete=True,
        pipeline=_base_.distill_pipeline))
