"""What do the students of the two whole families lose in compression?

Prunes each distilled student of ``families.py`` with each seed, trains it on
with its teacher and without, and quantises it: ``kitti`` is ShuffleDet on
synthetic streets, ``bccd`` MobileNetV2-SSDLite on blood cells. Detectors that
are not trained yet are trained first; the heads of
configs/experiments/families_*.py say how to make the data. Prints the table of
all steps and then each bar; one that is missed makes the exit status 1.

* pruned: 0.7 of the multiplications or less;
* int8: 0.35 of the given file's size or less, and 2 points of AP or less below
  the same detector in floats, in the mean;
* pruned and trained on with its teacher: not below the one without, in the
  mean.

Usage: ``python benchmarks/compression.py kitti bccd [--seeds 3]``
"""
import statistics
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from bars import Bar, exit_status
from families import parser_of, plans_of

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.errors import ConfigError
from mmxkd.experiments import Plan, ToolError, run_all
from mmxkd.experiments.command_line import runs_of
from mmxkd.io.text import read_json

# The distilled detector, pruned, and trained on with and without its teacher.
TAUGHT, ALONE = 'small_taught', 'small_alone'
# Steps of each of them, as tools/compress.py names them.
FLOAT, INT8 = 'pruned and trained', 'int8'

#: By step, the rows of each seed.
Rows = Mapping[str, Sequence[Mapping[str, Any]]]


def rows_of(plan: Plan, arm: str) -> Rows:
    """What ``tools/compress.py`` has written with each seed."""
    found: dict[str, list] = {}
    for seed in plan.seeds:
        file = plan.work_dir / f'seed_{seed}' / arm / 'compression.json'
        for row in read_json(file, 'table of a compression'):
            found.setdefault(row['step'], []).append(row)
    return found


def mean(rows: Sequence[Mapping[str, Any]], key: str) -> float:
    return statistics.mean(row[key] for row in rows)


def table(arms: Mapping[str, Rows]) -> str:
    """Markdown: means over seeds, and each seed's AP in points."""
    lines = [
        '| detector | step | AP | seeds | MB | MACs | ms, one thread |',
        '|---|---|---|---|---|---|---|'
    ]
    for arm, steps in arms.items():
        for step, rows in steps.items():
            points = [100 * row['value'] for row in rows]
            lines.append(f'| {arm} | {step} | {statistics.mean(points):.1f} | '
                         f'{", ".join(f"{p:.1f}" for p in points)} | '
                         f'{mean(rows, "megabytes"):.2f} | '
                         f'{mean(rows, "macs") / 1e6:.1f} M | '
                         f'{mean(rows, "milliseconds"):.1f} |')
    return '\n'.join(lines)


def bars(taught: Rows, alone: Rows) -> list[Bar]:
    """What is asked of the means over seeds."""
    fine, small = taught[FLOAT], taught[INT8]
    lost = 100 * (mean(fine, 'value') - mean(small, 'value'))
    gained = 100 * (mean(fine, 'value') - mean(alone[FLOAT], 'value'))
    return [
        Bar('MACs, pruned / given',
            mean(fine, 'macs') / mean(taught['given'], 'macs'), '<= 0.7'),
        Bar('MB, int8 / given',
            mean(small, 'megabytes') / mean(taught['given'], 'megabytes'),
            '<= 0.35'),
        Bar('AP lost by int8, points', lost, '<= 2'),
        Bar('AP with - without the teacher, points', gained, '>= 0')
    ]


def main(argv=None) -> int:
    args = parser_of(__doc__, ['kitti', 'bccd']).parse_args(argv)
    status = 0
    for family, plan in plans_of(args, 'compress', [TAUGHT, ALONE]):
        run_all(runs_of(plan, args.jobs), args.jobs)
        found = {arm: rows_of(plan, arm) for arm in (TAUGHT, ALONE)}
        metric = found[TAUGHT][FLOAT][0]['metric']
        print(f'{family}: AP is {metric} of the test pictures, in points\n\n'
              f'{table(found)}\n')
        status |= exit_status(bars(found[TAUGHT], found[ALONE]))
    return status


if __name__ == '__main__':
    try:
        sys.exit(main())
    except (ConfigError, ToolError) as error:
        sys.exit(f'error: {error}')
