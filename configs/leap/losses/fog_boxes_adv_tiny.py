# CMKD-Adv on all frames.
_base_ = './fog_boxes_mse_tiny.py'

model = dict(
    distiller=dict(
        _delete_=True,
        losses=dict(
            loss_adversarial=dict(
                type='AdversarialFeatureLoss',
                in_channels=32,
                loss_weight=0.1,
                factor=0.3,
                student='neck[:4]',
                teacher='gated:neck[:4]'))))
