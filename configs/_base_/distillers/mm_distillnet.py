# What the cameras teach the microphones in MM-DistillNet: three of them by
# their fused boxes and by where all of them attend (joint MTA, the paper's
# form), one of them by its boxes and a ranking loss.
three_cameras = dict(
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
            teacher=['rgb:neck', 'thermal:neck', 'depth:neck'])))

# Not known, and settled here: margin, features and weight of the loss.
one_camera = dict(
    _delete_=True,
    labels=dict(
        boxes=dict(
            three_cameras['labels']['boxes'],
            teachers=dict(rgb=dict(score_thr=0.3)))),
    losses=dict(
        loss_ranking=dict(
            type='RankingLoss',
            loss_weight=0.005,
            student='neck',
            teacher='rgb:neck')))

# No labels are read: the batch has what the teachers see.
taught_frames = dict(
    ann_file='annotations/train.json',
    unlabelled=True,
    cameras=('rgb', 'thermal', 'depth'),
    leave_out_incomplete=True)
