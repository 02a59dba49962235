# Ablation: mmkd_tiny.py without its depth branch, so without a weight by
# its uncertainty: DualKL of the features alone.
_base_ = './mmkd_tiny.py'

model = dict(
    distiller=dict(
        losses=dict(
            _delete_=True,
            loss_dual_kl=dict(
                type='DualKLLoss',
                loss_weight=20.,
                student='neck[1:4]',
                teacher='depth:neck[1:4]',
                connector=dict(type='ConvConnector', kernel_sizes=[3, 1])))))
