"""Toy distillation whose losses may stop, and how often its teacher ran."""
from tests.helpers.toys import build, mse, toy

ADVERSARIAL = dict(type='AdversarialFeatureLoss', in_channels=9, num_levels=2,
                   channels=2, hidden=2, dropout=0, student='neck',
                   teacher='neck')


def algorithm(**weights):
    """Connectors and discriminators; runs of the teacher are counted."""
    model = build(
        teacher=dict(cfg=toy(out_channels=9), random=True),
        loss_a=mse(loss_weight=weights.get('a', 1.0)),
        loss_adv=dict(ADVERSARIAL, loss_weight=weights.get('adv', 0.1)))
    model.teachers['t'].model.runs = 0
    return model


def stop_after(count, value=1.0, **kwargs):
    """A weight that is 0 from iteration or epoch ``count`` on."""
    return dict(type='Constant', value=value, end=count, **kwargs)


def runs(model):
    """How often the teacher has run."""
    return model.teachers['t'].model.runs
