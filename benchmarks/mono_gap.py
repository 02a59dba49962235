"""What depth teaches monocular 3-D detectors, on synthetic streets.

Draws the streets unless they are there, trains every arm with every seed
(``configs/experiments/mono3d*.py``; what is done is skipped, and what was
stopped goes on), prints the table of ``docs/experiments.md``, and then each
bar. A bar that is missed makes the exit status 1.

For ``did`` (MonoMMKD's base, and the methods to compare with):

* the student's AP is 5 or more, and the teacher's 10 more, in every seed;
* mmkd recovers 10 % of the gap or more, and its 95 % interval is clear of 0.

For mmdet3d's detectors: the teacher is above the student in every seed.

AP is that of cars, 3-D, 40 points, moderate, strict (0.7) and loose (0.5).

Usage: ``python benchmarks/mono_gap.py --seeds 5 [--detector smoke]
[--arms mmkd]``
"""
import argparse
import math
import subprocess
import sys
from pathlib import Path

from bars import Bar, exit_status

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.errors import ConfigError
from mmxkd.experiments import ToolError, report_of, run_all
from mmxkd.experiments.command_line import add_arguments, plan_of, runs_of
from mmxkd.experiments.scores import Table, read_scores
from mmxkd.experiments.statistics import share_of_gap

ROOT = Path(__file__).resolve().parents[1]
DETECTORS = dict(did='mono3d', smoke='mono3d_smoke', pgd='mono3d_pgd',
                 fcos3d='mono3d_fcos3d')
TRAIN, VAL = 640, 160
# Fog and night, which the LiDAR does not feel.
WEATHER, NIGHT = 'dense_fog=1', 0.5


def draw(folder: Path) -> None:
    """The streets, by the tools that anybody calls."""
    tools = ROOT / 'tools/dataset_converters'
    if (folder / 'kitti_infos_val.json').is_file():
        print(f'{folder} is there already')
        return
    for tool, options in (('synthetic_kitti.py', [
            '--train', TRAIN, '--val', VAL, '--weather', WEATHER, '--night',
            NIGHT
    ]), ('kitti.py', ['--depth'])):
        subprocess.run(
            [sys.executable, tools / tool, folder, *map(str, options)],
            check=True)


def bars(table: Table, did: bool) -> list[Bar]:
    """What is asked of the scores."""
    column = list(table['student'])[-1]
    student, teacher = table['student'][column], table['teacher'][column]
    found = [
        Bar('teacher - student, least of a seed',
            min(teacher[s] - student[s] for s in student),
            '>= 10' if did else '> 0')
    ]
    if did:
        found.insert(
            0, Bar('student, least AP of a seed', min(student.values()),
                   '>= 5'))
    if did and 'mmkd' in table:
        share = share_of_gap(table['mmkd'][column], student, teacher)
        value = math.nan if share is None else share.value
        # Without an interval, e.g. of one seed, nothing is clear of 0.
        low = math.nan if share is None or share.low is None else share.low
        found += [
            Bar('mmkd recovers of the gap, %', value, '>= 10'),
            Bar('lower end of its interval, %', low, '> 0')
        ]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, 'work_dirs/ and the name of the experiment',
                  num_seeds=5)
    parser.add_argument('--detector', choices=list(DETECTORS), default='did')
    parser.add_argument('--data', type=Path,
                        default=Path('data/kitti_synthetic_mono'),
                        help='the streets (default: %(default)s)')
    args = parser.parse_args()
    draw(args.data)
    name = DETECTORS[args.detector]
    plan = plan_of(args, ROOT / f'configs/experiments/{name}.py', ROOT,
                   args.work_dir or Path('work_dirs') / name,
                   dict(streets=str(args.data)))
    run_all(runs_of(plan, args.jobs), args.jobs)
    print(report_of(plan))
    table = read_scores(plan.work_dir, plan.tested_on, plan.reported,
                        plan.seeds, plan.splits, plan.benchmark)
    return exit_status(bars(table, args.detector == 'did'))


if __name__ == '__main__':
    try:
        sys.exit(main())
    except (ConfigError, ToolError) as error:
        sys.exit(f'error: {error}')
