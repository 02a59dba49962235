from mmxkd.losses import RankingLoss
from tests.helpers.loss_case import Draw, LossCase


def inputs(draw: Draw) -> dict:
    return dict(s_feature=draw.maps(), t_feature=draw.maps())


def sizes(draw: Draw) -> dict:
    """The teacher has larger maps."""
    return dict(
        s_feature=draw.maps(), t_feature=[
            draw.normal(draw.batch, 3, h + 3, w) for h, w in draw.sizes
        ])


# With a margin above 2 no pair is satisfied, so that all levels learn.
CASES = [
    LossCase('ranking', lambda: RankingLoss(margin=2.5), inputs),
    LossCase('ranking-sum', lambda: RankingLoss(margin=2.5, reduction='sum'),
             sizes),
]
