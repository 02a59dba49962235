# MonoDistill's losses with tiny models; monodistill.py says what is settled.
_base_ = ['./student_tiny.py', '../_base_/distillers/mono3d.py']
fusion = _base_.monodistill.losses.loss_feature.connector
fusion.update(channels=(32, 64, 128), width=128)
del fusion

model = dict(
    _delete_=True,
    type='mmxkd.CrossModalDistill',
    student=_base_.model,
    teachers=dict(
        depth=dict(
            cfg='configs/monommkd/teacher_tiny.py',
            checkpoint='work_dirs/teacher_tiny',
            mode='loss')),
    distiller=_base_.monodistill)
