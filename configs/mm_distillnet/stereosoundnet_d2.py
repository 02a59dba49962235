# The baseline of MM-DistillNet's tables: one camera teaches the microphones.
# Its boxes are the labels, and a ranking loss draws sound and picture of a
# frame together, and those of different frames apart.
# Not known, and settled here: margin, features and weight of that loss.
_base_ = './mm_distillnet_d2.py'

model = dict(
    teachers=dict(
        _delete_=True,
        rgb=dict(
            cfg='configs/mm_distillnet/teacher_rgb.py',
            checkpoint='work_dirs/teacher_rgb')),
    distiller=dict(
        labels=dict(
            boxes=dict(teachers=dict(_delete_=True, rgb=dict(score_thr=0.3)))),
        losses=dict(
            _delete_=True,
            loss_ranking=dict(
                type='RankingLoss',
                loss_weight=0.005,
                student='neck',
                teacher='rgb:neck'))))

train_dataloader = dict(dataset=dict(cameras=('rgb', )))
