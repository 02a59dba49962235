from mmxkd.losses import FeatureMSELoss
from tests.helpers.loss_case import Draw, LossCase


def inputs(draw: Draw) -> dict:
    return dict(s_feature=draw.maps(), t_feature=draw.maps())


CASES = [
    LossCase('feature_mse', FeatureMSELoss, inputs, zero_at_equality=True),
    LossCase('feature_mse-valid_area', lambda: FeatureMSELoss(valid_area=True),
             lambda draw: inputs(draw) | dict(batch_img_metas=draw.metas()),
             zero_at_equality=True),
]
