from types import SimpleNamespace

from mmxkd.losses import AdversarialFeatureLoss
from tests.helpers.loss_case import Draw, LossCase

GRIDS = [dict(grid=(4, 6), pool_between=True), dict(grid=(3, 2))]


def build(**options) -> AdversarialFeatureLoss:
    return AdversarialFeatureLoss(3, 2, channels=8, hidden=16, dropout=0,
                                  level_cfgs=GRIDS, **options)


def inputs(draw: Draw) -> dict:
    return dict(s_feature=draw.maps(), t_feature=draw.maps())


CASES = [
    # On purpose, the student's gradient is reversed in one mode, and in the
    # other one that of the discriminators is zero in the student's turn.
    LossCase('adversarial-reversal', build, inputs, by_level=False,
             gradcheck=False),
    LossCase(
        'adversarial-alternate', lambda: build(mode='alternate'),
        lambda draw: inputs(draw) | dict(progress=SimpleNamespace(iter=1)),
        by_level=False, gradcheck=False),
]
