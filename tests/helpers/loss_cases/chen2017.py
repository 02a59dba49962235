from mmxkd.losses import BoundedRegressionLoss, SoftCrossEntropyLoss
from tests.helpers.loss_case import Draw, LossCase


def logits(draw: Draw) -> dict:
    """Four classes, one row a cell of the first level."""
    s, t = (draw.maps(4)[0].flatten(2).transpose(1, 2) for _ in range(2))
    return dict(s_logits=s, t_logits=t)


def boxes(draw: Draw) -> dict:
    """One positive prior for each ground-truth box."""
    count = draw.batch * draw.boxes
    s, t, y = (draw.normal(count, 4) for _ in range(3))
    # A teacher that is better at some boxes; never close to the bound.
    return dict(s_box=s, t_box=y + 0.1 * t, target=y)


CASES = [
    LossCase('soft_cross_entropy', SoftCrossEntropyLoss, logits,
             student=('s_logits', ), teacher=('t_logits', )),
    LossCase('soft_cross_entropy-first',
             lambda: SoftCrossEntropyLoss(2.0, 1.2, 0.7, 'first'), logits,
             student=('s_logits', ), teacher=('t_logits', )),
    *(LossCase(f'bounded_regression-{bound}',
               lambda bound=bound: BoundedRegressionLoss(bound=bound), boxes,
               student=('s_box', ), teacher=('t_box', ), takes_boxes=True)
      for bound in ('box', 'batch')),
]
