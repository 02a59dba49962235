# CMKD-MSE on all frames: the student learns from the boxes that the teacher
# wrote, and to make the teacher's features.
_base_ = '../fog_boxes_tiny.py'

model = dict(
    _delete_=True,
    type='mmxkd.CrossModalDistill',
    student=_base_.model,
    teachers=dict(
        gated=dict(
            cfg='configs/cmkd/fog_teacher_tiny.py',
            checkpoint='work_dirs/fog_teacher_tiny')),
    distiller=dict(
        losses=dict(
            loss_feature=dict(
                type='FeatureMSELoss',
                loss_weight=0.1,
                student='neck[:4]',
                teacher='gated:neck[:4]'))))


def mirrored(frames, pipeline):
    *steps, pack = pipeline
    flip = dict(type='mmxkd.RandomFlip', prob=0.5)
    return dict(frames, pipeline=[*steps, flip, pack])


# The teacher reads the gated slices of the same pictures.
train_dataloader = dict(
    dataset=dict(datasets=[
        mirrored(_base_.train_dataloader.dataset.datasets[0],
                 _base_.gated_human_train_pipeline),
        mirrored(_base_.train_dataloader.dataset.datasets[1],
                 _base_.gated_teacher_train_pipeline)
    ]))
