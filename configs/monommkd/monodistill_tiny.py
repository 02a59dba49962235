# MonoDistill's losses with tiny models; monodistill.py says what is settled.
_base_ = './student_tiny.py'

model = dict(
    _delete_=True,
    type='mmxkd.CrossModalDistill',
    student=_base_.model,
    teachers=dict(
        depth=dict(
            cfg='configs/monommkd/teacher_tiny.py',
            checkpoint='work_dirs/teacher_tiny',
            mode='loss')),
    distiller=dict(
        losses=dict(
            loss_feature=dict(
                type='FeatureSumLoss',
                parts=dict(
                    affinity=dict(type='AffinityLoss', divide_by_batch=True),
                    object=dict(
                        type='MaskedFeatureLoss',
                        weight=10.,
                        divide_by_batch=True,
                        cells='truncated')),
                student='backbone[1:4]',
                teacher='depth:backbone[1:4]',
                connector=dict(
                    type='mmxkd.ReviewFusionConnector',
                    channels=(32, 64, 128),
                    width=128)),
            loss_head=dict(
                type='mmxkd.MonoHeadLoss',
                student='bbox_head',
                teacher='depth:bbox_head'))))
