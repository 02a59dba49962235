from mmxkd.losses import FineGrainedImitationLoss
from tests.helpers.loss_case import Draw, LossCase


def inputs(draw: Draw) -> dict:
    return dict(s_feature=draw.maps(), t_feature=draw.maps(),
                batch_data_samples=draw.samples(), anchors=draw.anchors(),
                grid_sizes=draw.sizes)


def squares(draw: Draw) -> dict:
    return dict(s_feature=draw.maps(), t_feature=draw.maps(),
                batch_data_samples=draw.samples(),
                batch_img_metas=draw.metas())


CASES = [
    # All levels share one number of positions.
    LossCase('imitation', FineGrainedImitationLoss, inputs,
             zero_at_equality=True, takes_boxes=True, by_level=False),
    LossCase(
        'imitation-per_level', lambda: FineGrainedImitationLoss(
            mode='per_level', normalize='level', psi=0.2), inputs,
        zero_at_equality=True, takes_boxes=True, by_level=False),
    LossCase('imitation-squares',
             lambda: FineGrainedImitationLoss(mode='assigned', square_scale=4),
             squares, zero_at_equality=True, takes_boxes=True, by_level=False),
]
