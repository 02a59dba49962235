# CMKD-Adv: the baseline learns FPN features that discriminators cannot tell
# from the teacher's.
_base_ = './fog_mse.py'

model = dict(
    distiller=dict(
        _delete_=True,
        losses=dict(
            loss_adversarial=dict(
                type='AdversarialFeatureLoss',
                factor=0.3,
                student='neck[:4]',
                teacher='gated:neck[:4]'))))
