from mmxkd.losses import AttentionTransferLoss, MultiTeacherAlignmentLoss
from tests.helpers.loss_case import Draw, LossCase


def inputs(draw: Draw) -> dict:
    """The teacher has more channels."""
    return dict(s_feature=draw.maps(), t_feature=draw.maps(5))


def teachers(draw: Draw) -> dict:
    return dict(s_feature=draw.maps(),
                t_feature=[draw.maps(),
                           draw.maps(2),
                           draw.maps(5)])


def all_are_the_student(arguments: dict) -> dict:
    return arguments | {'t_feature': [arguments['s_feature']] * 3}


CASES = [
    LossCase('mta', lambda: MultiTeacherAlignmentLoss(temperature=0.5), inputs,
             zero_at_equality=True),
    LossCase('mta-odd', lambda: MultiTeacherAlignmentLoss(temperature=1, p=3),
             inputs, zero_at_equality=True),
    LossCase('mta-as_published',
             lambda: MultiTeacherAlignmentLoss(mode='as_published'), inputs),
    LossCase('mta-joint', MultiTeacherAlignmentLoss, teachers, by_level=False),
    LossCase('mta-summed',
             lambda: MultiTeacherAlignmentLoss('summed', temperature=0.5),
             teachers, by_level=False, zero_at_equality=True,
             equal=all_are_the_student),
    LossCase('attention_transfer', AttentionTransferLoss, inputs,
             zero_at_equality=True),
    LossCase('attention_transfer-odd', lambda: AttentionTransferLoss(p=1),
             inputs, zero_at_equality=True),
    LossCase(
        'attention_transfer-sizes', AttentionTransferLoss, lambda draw: dict(
            s_feature=draw.maps(), t_feature=[
                draw.normal(draw.batch, 3, h + 3, max(w - 1, 1))
                for h, w in draw.sizes
            ])),
]
