# To compare with: the mean squared error of the features that mmkd_tiny.py
# distils, behind the same adapters.
_base_ = './student_tiny.py'

model = dict(
    _delete_=True,
    type='mmxkd.CrossModalDistill',
    student=_base_.model,
    teachers=dict(
        depth=dict(
            cfg='configs/monommkd/teacher_tiny.py',
            checkpoint='work_dirs/teacher_tiny')),
    distiller=dict(
        losses=dict(
            loss_feature=dict(
                type='FeatureMSELoss',
                student='neck[1:4]',
                teacher='depth:neck[1:4]',
                connector=dict(type='ConvConnector', kernel_sizes=[3, 1])))))
