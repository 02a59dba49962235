# CMKD-Adv in the small: discriminators of the width of the tiny neck.
_base_ = './fog_mse_tiny.py'

model = dict(
    distiller=dict(
        _delete_=True,
        losses=dict(
            loss_adversarial=dict(
                type='AdversarialFeatureLoss',
                in_channels=48,
                factor=0.3,
                student='neck[:4]',
                teacher='gated:neck[:4]'))))
