import torch

from mmxkd.losses import (
    AffinityLoss,
    DepthDistributionLoss,
    FeatureSumLoss,
    MaskedFeatureLoss,
    PearsonLoss,
    SpearmanLoss,
)
from tests.helpers.loss_case import Draw, LossCase

BINS = dict(rule='rpd', near=5., far=80., number=5)


def inputs(draw: Draw) -> dict:
    return dict(s_feature=draw.maps(), t_feature=draw.maps())


def with_samples(draw: Draw) -> dict:
    return inputs(draw) | dict(batch_data_samples=draw.samples())


def with_depth(classes: int):

    def depth_inputs(draw: Draw) -> dict:
        size = draw.sizes[0]
        depth = draw.normal(draw.batch, *(4 * s for s in size)).abs() * 50
        return dict(
            depth_logits=draw.normal(draw.batch, classes, *size),
            # A teacher's view of the scene, in metres.
            depth=torch.where(depth < 20, torch.zeros_like(depth), depth),
            batch_data_samples=draw.samples())

    return depth_inputs


CASES = [
    LossCase('affinity', AffinityLoss, inputs, zero_at_equality=True,
             by_level=False),
    LossCase('affinity-grid', lambda: AffinityLoss(
        (2, 3), divide_by_batch=True), inputs, zero_at_equality=True),
    LossCase('masked_feature', MaskedFeatureLoss, with_samples,
             zero_at_equality=True, takes_boxes=True),
    LossCase('spearman-released', SpearmanLoss, inputs, by_level=False),
    LossCase('spearman-rank', lambda: SpearmanLoss('rank', strength=0.5),
             inputs, zero_at_equality=True, by_level=False),
    LossCase(
        'feature_sum', lambda: FeatureSumLoss(
            dict(affinity=dict(type='AffinityLoss', grid=(2, 3)), object=dict(
                type='MaskedFeatureLoss', weight=10.))), with_samples,
        zero_at_equality=True, takes_boxes=True, zero_without_boxes=False),
] + [
    LossCase(f'pearson-{over}', lambda over=over: PearsonLoss(over), inputs,
             zero_at_equality=True) for over in ('batch', 'sample', 'channel')
] + [
    LossCase(f'depth_distribution-{kind}',
             lambda kind=kind: DepthDistributionLoss(BINS, kind),
             with_depth(classes), student=('depth_logits', ),
             teacher=('depth', ), takes_boxes=True, zero_without_boxes=False)
    for kind, classes in (('ce', 5), ('focal', 6))
]
