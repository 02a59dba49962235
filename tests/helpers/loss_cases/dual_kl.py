from itertools import product

from mmxkd.losses import (
    DepthBranchDualKLLoss,
    DepthDualKLLoss,
    DualKLLoss,
)
from tests.helpers.loss_case import Draw, LossCase

BINS = dict(rule='lid', near=2., far=50., number=5)


def inputs(draw: Draw) -> dict:
    return dict(s_feature=draw.maps(), t_feature=draw.maps())


def weighted(draw: Draw) -> dict:
    size = draw.sizes[0]
    return inputs(draw) | dict(
        weight=draw.normal(draw.batch, 1, *size).sigmoid(), mask=draw.normal(
            draw.batch, 1, *size) > -1)


def with_depth(draw: Draw) -> dict:
    height, width = draw.sizes[0]
    depth = 40 + 40 * draw.normal(draw.batch, 2 * height, 2 * width).clamp(
        -1, 1)
    return inputs(draw) | dict(
        depth_logits=draw.normal(draw.batch, 5, height, width), depth=depth)


def with_branch(draw: Draw) -> dict:
    found = with_depth(draw)
    del found['depth_logits']
    return found | dict(depth_feature=draw.maps()[0])


def branch() -> DepthBranchDualKLLoss:
    mimic = dict(foreground_weight=1.)
    # Batch statistics would tie the images of a batch together.
    return DepthBranchDualKLLoss(3, 4, mimic, bins=BINS, balance='fixed',
                                 reference_focal=0).eval()


def build(softmax: str, balance: str):
    return lambda: DualKLLoss(softmax, balance, temperature=2.)


def equal(arguments: dict) -> dict:
    return arguments | dict(t_feature=arguments['s_feature'])


CASES = [
    # The balance has no gradient, so that the gradient of the value is
    # another one; `test_dual_kl.py` checks it with the balance held.
    LossCase(f'dual_kl-{softmax}-{balance}', build(softmax, balance), weighted,
             zero_at_equality=True, gradcheck=balance == 'fixed')
    for softmax, balance in product(('spatial', 'channel'), ('equalise', 'akl',
                                                             'fixed'))
] + [
    LossCase('dual_kl-plain', lambda: DualKLLoss(balance='fixed'), inputs,
             zero_at_equality=True),
] + [
    LossCase(
        f'depth_dual_kl-{uncertainty}',
        lambda mode=uncertainty: DepthDualKLLoss(
            BINS, mode, exclude_invalid=mode == 'easy', balance='fixed'),
        with_depth, teacher=('t_feature', 'depth_logits'), equal=equal,
        zero_at_equality=True) for uncertainty in ('hard', 'easy', 'entropy')
] + [
    LossCase(
        'depth_branch_dual_kl',
        branch,
        with_branch,
        student=('s_feature', 'depth_feature'),
        by_level=False,
        # No gradient passes through its uncertainty.
        gradcheck=False)
]
