"""Time of the losses, against named opponents.

* Five-level losses, forward and backward, at the sizes of an FPN for
  800×1333 pictures (padded to 800×1344), 256 channels, 2 pictures: ours in
  one call, MMRazor's level by level. Bar: ratio ≤ 1.0.
* The mask of fine-grained imitation for 8 pictures with 20 boxes each and
  RetinaNet's anchors in five levels, against a plain loop over pictures,
  boxes and levels, itself vectorised over anchors. Bar: ≥ 10 times as fast.

Both give the same numbers, which is checked first. All contenders run in one
process, interleaved; CPU time of one thread; median of the ratios round by
round, and their quartiles.

Usage: ``python benchmarks/losses.py [--rounds 11] [--only CWD mask]``
"""
import argparse
import json
from collections.abc import Callable, Sequence

import torch
from interleaved import interleave, ratio
from mmdet.models.task_modules import AnchorGenerator
from torch import Tensor, nn

import mmxkd  # noqa: F401  (applies the repairs mmrazor needs)
from mmxkd.losses import (
    AttentionTransferLoss,
    ChannelWiseDistillationLoss,
    FeatureMSELoss,
    MGDLoss,
    PKDLoss,
    SoftLabelKLLoss,
    imitation_mask,
)

STRIDES = (8, 16, 32, 64, 128)
HEIGHT, WIDTH = 800, 1344
SIZES = [(-(-HEIGHT // s), -(-WIDTH // s)) for s in STRIDES]
CHANNELS, BATCH = 256, 2
PICTURES, BOXES = 8, 20
Losses = Callable[[Sequence[Tensor], Sequence[Tensor]], Tensor]


def each(loss: nn.Module) -> Losses:
    """One of MMRazor's losses on each level, summed as its configs do."""
    return lambda student, teacher: torch.stack(
        [loss(s, t) for s, t in zip(student, teacher, strict=True)]).sum()


def mgd() -> tuple[nn.Module, Losses]:
    """The same generators and masks for both."""
    from mmrazor.models.architectures.connectors import MGDConnector
    from mmrazor.models.losses import MGDLoss as Opponent
    ours = MGDLoss([CHANNELS] * len(SIZES))
    connectors = [MGDConnector(CHANNELS, CHANNELS) for _ in SIZES]
    for connector, generation in zip(connectors, ours.generation, strict=True):
        connector.generation.load_state_dict(generation.state_dict())
    theirs = Opponent()
    return ours, lambda student, teacher: torch.stack([
        theirs(connector.forward_train(s), t)
        for connector, s, t in zip(connectors, student, teacher, strict=True)
    ]).sum()


def pairs() -> dict[str, Callable[[], tuple[Losses, Losses]]]:
    """Ours and MMRazor's, with options that make them equal."""
    from mmrazor.models import losses as razor
    return {
        'MSE': lambda: (FeatureMSELoss([float(len(SIZES))] * len(SIZES)),
                        each(razor.L2Loss(normalize=False, div_element=True))),
        'CWD': lambda:
        (ChannelWiseDistillationLoss(), each(razor.ChannelWiseDivergence())),
        'PKD': lambda: (PKDLoss(), each(razor.PKDLoss())),
        'Attention': lambda: (AttentionTransferLoss(), each(razor.ATLoss())),
        'KL': lambda:
        (SoftLabelKLLoss(temperature=4.0), each(razor.KLDivergence(tau=4.0))),
        'MGD': mgd,
    }


def maps(seed: int) -> list[Tensor]:
    """Non-negative, as features often are, and of several scales."""
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(BATCH, CHANNELS, *size, generator=generator)
        for size in SIZES
    ]


class Step:
    """Forward and backward of a loss on fixed maps."""

    def __init__(self, loss: Losses, student: Sequence[Tensor],
                 teacher: Sequence[Tensor]) -> None:
        self.loss, self.teacher = loss, teacher
        self.student = [s.clone().requires_grad_() for s in student]

    def __call__(self) -> Tensor:
        for s in self.student:
            s.grad = None
        torch.manual_seed(0)
        value = self.loss(self.student, self.teacher)
        value.backward()
        return value.detach()


def boxes() -> list[Tensor]:
    """20 boxes a picture, 16 to 500 pixels a side."""
    generator = torch.Generator().manual_seed(0)
    whole = torch.tensor([WIDTH, HEIGHT])
    found = []
    for _ in range(PICTURES):
        centre = torch.rand(BOXES, 2, generator=generator) * whole
        side = 16 * 31.25**torch.rand(BOXES, 2, generator=generator)
        corners = torch.cat([centre - side / 2, centre + side / 2], 1)
        found.append(corners.clamp(min=0).minimum(whole.repeat(2)))
    return found


def mask_by_loop(anchors: Sequence[Tensor], boxes: Sequence[Tensor],
                 psi: float = 0.5) -> list[Tensor]:
    """Pictures, boxes and levels one after another."""
    masks = [
        torch.zeros(len(boxes), 1, *size, dtype=torch.bool) for size in SIZES
    ]
    areas = [(a[:, 2:] - a[:, :2]).prod(1) for a in anchors]
    for n, own in enumerate(boxes):
        for box in own:
            area = (box[2:] - box[:2]).prod()
            ious = []
            for level, size in zip(anchors, areas, strict=True):
                low = torch.maximum(level[:, :2], box[:2])
                high = torch.minimum(level[:, 2:], box[2:])
                shared = (high - low).clamp(min=0).prod(1)
                ious.append(shared / (size + area - shared))
            threshold = psi * max(iou.max() for iou in ious)
            for mask, iou, (h, w) in zip(masks, ious, SIZES, strict=True):
                mask[n, 0] |= (iou > threshold).view(h, w, -1).any(2)
    return masks


def mask_steps() -> dict[str, Callable[[], list[Tensor]]]:
    """Ours and the loop, on RetinaNet's anchors."""
    anchors = AnchorGenerator(STRIDES, ratios=[0.5, 1.0, 2.0],
                              octave_base_scale=4,
                              scales_per_octave=3).grid_priors(
                                  SIZES, device='cpu')
    own = boxes()
    return {
        'ours': lambda: imitation_mask(anchors, own, SIZES),
        'theirs': lambda: mask_by_loop(anchors, own)
    }


def compare(name: str, rounds: int) -> tuple[float, float, float]:
    """The ratio ours ÷ theirs: median and quartiles."""
    if name == 'mask':
        masks = mask_steps()
        for one, other in zip(masks['ours'](), masks['theirs'](), strict=True):
            assert torch.equal(one, other)
        return ratio(interleave(masks, rounds), 'ours', 'theirs')
    ours, theirs = pairs()[name]()
    student, teacher = maps(1), maps(2)
    steps = {
        'ours': Step(ours, student, teacher),
        'theirs': Step(theirs, student, teacher)
    }
    torch.testing.assert_close(steps['ours'](), steps['theirs'](), rtol=1e-4,
                               atol=0)
    return ratio(interleave(steps, rounds), 'ours', 'theirs')


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    names = [*pairs(), 'mask']
    parser.add_argument('--rounds', type=int, default=11)
    parser.add_argument('--only', nargs='+', choices=names, default=names)
    parser.add_argument('--out', help='write the figures to this JSON file')
    args = parser.parse_args()
    torch.set_num_threads(1)
    result = {}
    print('| loss | opponent | ours ÷ theirs, median [quartiles] | bar |')
    print('|---|---|---|---|')
    for name in args.only:
        result[name] = found = compare(name, args.rounds)
        mask = name == 'mask'
        opponent = 'loop over boxes' if mask else 'MMRazor 1.0.0'
        median, low, high = found
        bar = '0.1' if mask else '1.0'
        print(
            f'| {name} | {opponent} | {median:.3f} [{low:.3f}, {high:.3f}] '
            f'| {bar} |', flush=True)
    if args.out:
        with open(args.out, 'w') as file:
            json.dump(result, file, indent=2)


if __name__ == '__main__':
    main()
