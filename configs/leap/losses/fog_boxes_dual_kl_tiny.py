# DualKL of MonoMMKD on all frames, without its uncertainty, which needs depth.
_base_ = './fog_boxes_mse_tiny.py'

model = dict(
    distiller=dict(
        _delete_=True,
        losses=dict(
            loss_dual_kl=dict(
                type='DualKLLoss',
                loss_weight=0.2,
                student='neck[:4]',
                teacher='gated:neck[:4]'))))
