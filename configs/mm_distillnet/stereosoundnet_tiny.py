# One camera teaches the microphones, with tiny models.
_base_ = './mm_distillnet_tiny.py'

model = dict(
    teachers=dict(
        _delete_=True,
        rgb=dict(
            cfg='configs/mm_distillnet/teacher_rgb_tiny.py',
            checkpoint='work_dirs/teacher_rgb_tiny')),
    distiller=dict(
        labels=dict(
            boxes=dict(teachers=dict(_delete_=True, rgb=dict(score_thr=0.4)))),
        losses=dict(
            _delete_=True,
            loss_ranking=dict(
                type='RankingLoss',
                loss_weight=0.005,
                student='neck',
                teacher='rgb:neck'))))

train_dataloader = dict(dataset=dict(cameras=('rgb', )))
