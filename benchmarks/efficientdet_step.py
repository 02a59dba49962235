"""Time and memory of EfficientDet-D2, against effdet's.

The network of ``configs/_base_/models/efficientdet_d2.py`` and effdet 0.4.1's
``tf_efficientdet_d2``, both for 20 classes, take turns in one process:
forward in train mode, backward from the sum of the squares of all outputs.
Both have the same 8,025,849 parameters, drop paths of the same rates, and
outputs of the same shapes, which is checked first. Labels, losses and
optimizers are in neither.

* Time: CPU time of each round; what counts is the ratio round by round.
* Memory: the most bytes that torch has allocated at once in a step, with
  parameters and buffers; exact, and the same in each run. What a library
  takes without torch's allocator is not in it.

Bars: 1.1 for either. Needs effdet; where it is not installed, the error says
how to.

Usage: ``OMP_NUM_THREADS=1 python benchmarks/efficientdet_step.py``
"""
import argparse
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import effdet_network
import torch
from interleaved import interleave, ratio
from mmdet.utils import register_all_modules
from mmengine.config import Config
from mmengine.logging import MMLogger
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.registry import MODELS

CONFIG = (Path(__file__).resolve().parents[1]
          / 'configs/_base_/models/efficientdet_d2.py')
CLASSES, PARAMETERS, BAR = 20, 8025849, 1.1


class Step:
    """Forward and backward of a network."""

    def __init__(self, network: nn.Module, outputs: Callable,
                 pictures: Tensor) -> None:
        self.network, self.outputs = network.train(), outputs
        self.pictures = pictures

    def __call__(self) -> None:
        self.network.zero_grad(set_to_none=True)
        loss(self.outputs(self.pictures)).backward()


def loss(outputs: tuple[list[Tensor], list[Tensor]]) -> Tensor:
    """Sum of the squares of all logits and deltas."""
    return torch.stack([
        level.square().sum() for levels in outputs for level in levels
    ]).sum()


def ours(pictures: Tensor) -> Step:
    """The network of the config; its preprocessor and losses do not run."""
    model = MODELS.build(Config.fromfile(CONFIG).model)
    return Step(model, lambda x: model.bbox_head(model.extract_feat(x)),
                pictures)


def theirs(pictures: Tensor) -> Step:
    """effdet's."""
    model = effdet_network.build(pictures.shape[-1], CLASSES)
    return Step(model, model, pictures)


def parameters(step: Step) -> Counter:
    """How many parameters there are of each shape."""
    return Counter(tuple(p.shape) for p in step.network.parameters())


def drop_rates(step: Step) -> list[float]:
    """Of all blocks that drop their path, in order."""
    modules: Iterable[Any] = step.network.modules()
    return [
        round(m.drop_prob, 6) for m in modules
        if type(m).__name__ == 'DropPath'
    ]


@torch.no_grad()
def shapes(step: Step) -> list[list[tuple[int, ...]]]:
    """Of the logits and the deltas of each level."""
    return [[tuple(level.shape) for level in levels]
            for levels in step.outputs(step.pictures)]


def check_same(steps: dict[str, Step]) -> None:
    """Compare what both sides compute.

    Raises:
        SystemExit: They are not the same network.
    """
    for describe in (parameters, drop_rates, shapes):
        found = {name: describe(step) for name, step in steps.items()}
        first, *others = found.values()
        if any(other != first for other in others):
            raise SystemExit(f'{describe.__name__} differ: {found}')
    for name, step in steps.items():
        count = sum(p.numel() for p in step.network.parameters())
        if count != PARAMETERS:
            raise SystemExit(f'{name} has {count:,} parameters, expected '
                             f'{PARAMETERS:,}')


def peak(step: Step) -> int:
    """Most bytes allocated at once in a step, with the network's own."""
    step.network.zero_grad(set_to_none=True)
    with profile(activities=[ProfilerActivity.CPU],
                 profile_memory=True) as profiler:
        step()
    now = highest = 0
    events = [
        e for e in profiler.profiler.kineto_results.events()
        if e.name() == '[memory]'
    ]
    for event in sorted(events, key=lambda e: e.start_ns()):
        now += event.nbytes()
        highest = max(highest, now)
    own = [*step.network.parameters(), *step.network.buffers()]
    return highest + sum(t.numel() * t.element_size() for t in own)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=31)
    parser.add_argument('--batch', type=int, default=2)
    parser.add_argument('--side', type=int, default=256,
                        help='of the pictures; a multiple of 128')
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    register_all_modules()
    MMLogger.get_current_instance().setLevel(logging.ERROR)
    pictures = torch.randn(args.batch, 3, args.side, args.side)
    steps = dict(mmxkd=ours(pictures), effdet=theirs(pictures))
    check_same(steps)
    print(f'{PARAMETERS:,} parameters each; batch {args.batch}, {args.side} × '
          f'{args.side}, 1 thread, {args.rounds} interleaved rounds')
    bytes_of = {name: peak(step) for name, step in steps.items()}
    for name, value in bytes_of.items():
        print(f'{name:6s} peak {value / 1e6:.1f} MB')
    print(
        f'memory: mmxkd ÷ effdet {bytes_of["mmxkd"] / bytes_of["effdet"]:.3f}'
        f', bar {BAR}')
    seconds = interleave(steps, args.rounds)
    middle, low, high = ratio(seconds, 'mmxkd', 'effdet')
    print(f'time:   mmxkd ÷ effdet {middle:.3f} [{low:.3f}, {high:.3f}], '
          f'median [quartiles], bar {BAR}')


if __name__ == '__main__':
    main()
