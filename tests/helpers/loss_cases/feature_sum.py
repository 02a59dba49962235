from mmxkd.losses import FeatureSumLoss
from tests.helpers.loss_case import Draw, LossCase


def inputs(draw: Draw) -> dict:
    return dict(s_feature=draw.maps(), t_feature=draw.maps())


def loss() -> FeatureSumLoss:
    return FeatureSumLoss(
        dict(pkd=dict(type='PKDLoss', weight=0.5), affinity=dict(type='AffinityLoss')))


CASES = [LossCase('feature_sum', loss, inputs)]
