from mmxkd.losses import SoftLabelKLLoss
from tests.helpers.loss_case import Draw, LossCase


def inputs(draw: Draw) -> dict:
    """Two anchors of three classes."""
    return dict(s_logits=draw.maps(6), t_logits=draw.maps(6))


CASES = [
    LossCase(name, lambda options=options: SoftLabelKLLoss(**options), inputs,
             student=('s_logits', ), teacher=('t_logits', ),
             zero_at_equality=True)
    for name, options in {
        'soft_label_kl': dict(),
        'soft_label_kl-anchors': dict(num_classes=3, reduction='mean'),
        'soft_label_kl-sigmoid': dict(activation='sigmoid'),
    }.items()
]
