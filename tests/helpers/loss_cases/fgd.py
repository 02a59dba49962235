import torch
from torch import nn

from mmxkd.losses import FGDLoss
from tests.helpers.loss_case import Draw, LossCase

WEIGHTS = dict(alpha_fgd=0.1, beta_fgd=0.05, gamma_fgd=0.1, lambda_fgd=5e-3)


def trained() -> nn.Module:
    """Global contexts that are no longer the identity."""
    module = FGDLoss([4, 4], **WEIGHTS)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape))
    return module


def inputs(draw: Draw) -> dict:
    return dict(s_feature=draw.maps(4), t_feature=draw.maps(4),
                batch_data_samples=draw.samples(),
                batch_img_metas=draw.metas())


CASES = [
    LossCase('fgd', lambda: FGDLoss([4, 4], **WEIGHTS), inputs,
             zero_at_equality=True, takes_boxes=True, zero_without_boxes=False,
             by_level=False),
    LossCase('fgd-trained', trained, inputs, takes_boxes=True,
             zero_without_boxes=False, by_level=False),
]
