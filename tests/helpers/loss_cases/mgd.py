from mmxkd.losses import MGDLoss
from tests.helpers.loss_case import Draw, LossCase


def inputs(draw: Draw) -> dict:
    return dict(s_feature=draw.maps(), t_feature=draw.maps())


# Masks are drawn after the fixed seed of each run; a level has its network.
CASES = [
    LossCase('mgd', lambda: MGDLoss([3, 3], alpha_mgd=0.1), inputs,
             by_level=False),
    LossCase('mgd-nothing_masked',
             lambda: MGDLoss([3, 3], alpha_mgd=0.1, lambda_mgd=0), inputs,
             by_level=False),
]
