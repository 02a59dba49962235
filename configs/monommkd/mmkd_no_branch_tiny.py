# Ablation: mmkd_tiny.py without its depth branch, so without a weight by
# its uncertainty: DualKL of the features alone.
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
            loss_dual_kl=dict(
                type='DualKLLoss',
                student='neck[1:4]',
                teacher='depth:neck[1:4]',
                connector=dict(type='ConvConnector', kernel_sizes=[3, 1])))))
