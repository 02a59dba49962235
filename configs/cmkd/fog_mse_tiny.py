# CMKD-MSE with tiny models: the tiny baseline, taught by the tiny teacher. Its
# features are larger than those of a COCO detector, so its weight is smaller:
# as large as the detection losses, it would drown them.
_base_ = './fog_baseline_tiny.py'

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

train_dataloader = dict(dataset=dict(pipeline=_base_.gated_train_pipeline))
