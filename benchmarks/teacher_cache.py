"""Time of a step whose teacher is read from its cache.

RetinaNet R18 learns from RetinaNet R50 by the mean squared error of four
neck levels, on 2 random pictures of 256×256; see ``distill_step.py``. All
contenders run in one process, interleaved, and what counts are ratios round
by round:

* ``student``: the student alone;
* ``live``: with the teacher in each step;
* ``float32``, ``float16``: with the teacher's levels from the cache, every
  frame a hit.

Bars: a hit costs at most 1.03 of the student's step, and is at least 1.2
times faster than the live teacher. CPU time, files in the page cache.

Usage: ``python benchmarks/teacher_cache.py [--rounds 15]``
"""
import argparse
import json
import logging
import platform
import tempfile
from pathlib import Path

import torch
from distill_step import LEVELS, Setting, Step, detector
from interleaved import interleave, ratio
from mmdet.utils import register_all_modules
from mmengine.logging import MMLogger

import mmxkd  # noqa: F401  (applies the repairs)
from mmxkd.registry import MODELS

OVER_STUDENT, FASTER = 1.03, 1.2


def distilled(**teacher) -> torch.nn.Module:
    """Our algorithm, with more keys of the teacher."""
    torch.manual_seed(0)
    algorithm = MODELS.build(
        dict(
            type='mmxkd.CrossModalDistill', student=detector(18),
            teachers=dict(big=dict(cfg=detector(50), random=True, **teacher)),
            distiller=dict(losses=dict(loss_feature=dict(
                type='FeatureMSELoss', loss_weight=0.5,
                student=f'neck[:{LEVELS}]', teacher=f'big:neck[:{LEVELS}]')))))
    algorithm.init_weights()
    return algorithm


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--rounds', type=int, default=15)
    parser.add_argument('--threads', type=int, default=1)
    parser.add_argument('--out', help='write the figures to this JSON file')
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    # Random labels drive some weights to denormal numbers, which are slow.
    torch.set_flush_denormal(True)
    register_all_modules()
    MMLogger.get_current_instance().setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        torch.manual_seed(0)
        setting = Setting()
        steps = {
            'student': Step(MODELS.build(detector(18)), setting),
            'live': Step(distilled(), setting)
        }
        for dtype in ('float32', 'float16'):
            cache = dict(dir=str(Path(folder, dtype)), dtype=dtype)
            steps[dtype] = Step(distilled(cache=cache), setting)
        seconds = interleave(steps, args.rounds)
        for dtype in ('float32', 'float16'):
            counts = steps[dtype].model.teachers['big'].cache.counts
            # Only the round that warms up computes.
            assert (counts.misses, counts.damaged) == (2, 0), counts
        size = {
            dtype: sum(f.stat().st_size
                       for f in Path(folder, dtype).rglob('*.npz')) / 2e6
            for dtype in ('float32', 'float16')
        }
    result = dict(machine=platform.processor() or platform.machine(),
                  torch=torch.__version__, threads=args.threads,
                  rounds=args.rounds, megabytes_per_frame=size, ratios={})
    print(f'{args.rounds} interleaved rounds, {args.threads} thread(s); '
          'ratio: median [quartiles]')
    for name, base in (('live', 'student'), ('float32', 'student'),
                       ('float16', 'student'), ('live', 'float32'),
                       ('live', 'float16')):
        median, low, high = ratio(seconds, name, base)
        result['ratios'][f'{name}/{base}'] = (median, low, high)
        bar = ''
        if base != 'student':
            bar = f'bar ≥ {FASTER}'
        elif name != 'live':
            bar = f'bar ≤ {OVER_STUDENT}; {size[name]:.1f} MB per frame'
        print(f'{name:8s} ÷ {base:8s} {median:6.3f} [{low:.3f}, {high:.3f}] '
              f'{bar}')
    if args.out:
        with open(args.out, 'w') as file:
            json.dump(result, file, indent=2)


if __name__ == '__main__':
    main()
