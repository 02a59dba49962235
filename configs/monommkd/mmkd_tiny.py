# MonoMMKD with tiny models. KITTI's focal length in pictures 640 wide is half
# of that for which the bins were chosen.
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
            loss_mmkd=dict(
                type='DepthBranchDualKLLoss',
                in_channels=16,
                feat_channels=32,
                reference_focal=371.8,
                bins=dict(rule='rpd', near=5., far=80., number=80),
                uncertainty='hard',
                mimic_weight=1.,
                kd_weight=20.,
                student='neck[1:4]',
                teacher='depth:neck[1:4]',
                inputs=dict(depth_feature='neck[0]'),
                connector=dict(type='ConvConnector', kernel_sizes=[3, 1])))))
