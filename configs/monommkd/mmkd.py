# MonoMMKD: a depth branch of the student learns road-plane bins, and the
# features are distilled where that branch is unsure (DualKL).
# Not known, and settled here: the bins (80, uniform in 1/z, 5..80 m), the
# place and width of the branch, both losses and their weights (chosen with
# tiny models, configs/experiments/mono3d_weights.py), the levels (strides 8,
# 16 and 32), and that the student starts from nothing with its own schedule.
_base_ = './student.py'

model = dict(
    _delete_=True,
    type='mmxkd.CrossModalDistill',
    student=_base_.model,
    teachers=dict(
        depth=dict(
            cfg='configs/monommkd/teacher.py',
            checkpoint='work_dirs/teacher')),
    distiller=dict(
        losses=dict(
            loss_mmkd=dict(
                type='DepthBranchDualKLLoss',
                in_channels=64,
                mimic_weight=1.,
                kd_weight=20.,
                student='neck[1:4]',
                teacher='depth:neck[1:4]',
                inputs=dict(depth_feature='neck[0]'),
                connector=dict(type='ConvConnector', kernel_sizes=[3, 1])))))
