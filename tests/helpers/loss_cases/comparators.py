from mmxkd.losses import ChannelWiseDistillationLoss, PKDLoss
from tests.helpers.loss_case import Draw, LossCase


def inputs(draw: Draw) -> dict:
    return dict(s_feature=draw.maps(), t_feature=draw.maps())


def other_sizes(draw: Draw) -> dict:
    return dict(
        s_feature=draw.maps(), t_feature=[
            draw.normal(draw.batch, 3, 2 * h, w + 1) for h, w in draw.sizes
        ])


CASES = [
    LossCase('cwd', ChannelWiseDistillationLoss, inputs,
             zero_at_equality=True),
    LossCase('cwd-tau4', lambda: ChannelWiseDistillationLoss(4.), inputs,
             zero_at_equality=True),
    LossCase('pkd', PKDLoss, inputs, zero_at_equality=True),
    LossCase('pkd-resize_student', PKDLoss, other_sizes),
    LossCase('pkd-resize_teacher', lambda: PKDLoss(resize_stu=False),
             other_sizes),
]
