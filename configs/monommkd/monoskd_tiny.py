# MonoSKD's losses with tiny models; monoskd.py says what is settled.
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
                    spearman=dict(type='SpearmanLoss', mode='released'),
                    affinity=dict(type='AffinityLoss', divide_by_batch=True)),
                student='neck',
                teacher='depth:neck',
                connector=dict(type='ConvConnector', kernel_sizes=[3, 1])),
            loss_head=dict(
                type='mmxkd.MonoHeadLoss',
                student='bbox_head',
                teacher='depth:bbox_head'))))
