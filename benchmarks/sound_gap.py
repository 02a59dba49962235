"""What three cameras teach eight microphones, on synthetic drives.

Draws the drives unless they are there, trains every arm of
``configs/experiments/mm_distillnet.py`` with every seed (what is done is
skipped, and what was stopped goes on), prints the table of
``docs/experiments.md``, and then each bar, in AP50 against the boxes that the
drives know. No label of the students' drives is used in training. A bar that
is missed makes the exit status 1.

* mm_distillnet finds twice as much as it does with the sound of other drives,
  in every seed;
* it is above stereosoundnet, which one camera has taught, in every seed, also
  where frames in which that camera finds nothing are left out;
* at night, the RGB teacher is at most at 0.3 of its day, in every seed;
* at night, mm_distillnet is at least at 0.8 of its day, in every seed;
* its MOTA is above both baselines', in the mean of the seeds; the score at
  which tracks start is chosen on the validation drives, for each detector.

Usage: ``python benchmarks/sound_gap.py --seeds 3 [--arms mm_distillnet]``
"""
import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast

from bars import Bar, exit_status

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.errors import ConfigError
from mmxkd.evaluation.metrics import DriveTrackMetric
from mmxkd.evaluation.metrics.track_scores import (
    Found,
    best_score,
    read_found,
    tracks_by_score,
)
from mmxkd.experiments import Arm, Plan, ToolError, report_of, run_all
from mmxkd.experiments.command_line import add_arguments, plan_of, runs_of
from mmxkd.experiments.scores import Table, read_scores

ROOT = Path(__file__).resolve().parents[1]
STUDENT, SPLIT = 'mm_distillnet', 'test'
# One camera; at night it teaches that there is nothing, or nothing.
BASELINES = ('stereosoundnet', 'stereosoundnet_skip')
DRAWN = {
    'drives': '--train 120 --val 10 --test 24 --interval 0.5 --seed 1',
    'drives_labelled': '--train 60 --val 10 --test 2 --interval 0.5 --seed 2'
}
CONVERTED = {
    'drives': '--columns all --sample-rate 16000',
    'drives_labelled': '--columns all --sample-rate 16000 --label-train'
}


def draw(folder: Path) -> None:
    """The drives, by the tools that anybody calls."""
    tools = ROOT / 'tools/dataset_converters'
    for name, drawn in DRAWN.items():
        root = folder / name
        if (root / 'annotations/test_truth.json').is_file():
            print(f'{root} is there already')
            continue
        for tool, options in (('synthetic_sound', drawn), ('mavd',
                                                           CONVERTED[name])):
            subprocess.run(
                [sys.executable, tools / f'{tool}.py', root, *options.split()],
                check=True)


def other_sound(plan: Plan, arm: str, seed: int) -> float:
    """AP50 of an arm that hears the sound of other drives."""
    run = plan.work_dir / f'seed_{seed}' / arm
    config = cast(Arm, plan.arms[arm]).config
    truth = plan.tested_on / plan.benchmark.annotations(SPLIT)
    kept = run / f'{SPLIT}_other_sound.bbox.json'
    if not kept.is_file():
        checkpoint = json.loads((run / 'trained.json').read_text())
        part = run / 'other_sound.part'
        subprocess.run([
            sys.executable, ROOT / 'tools/test.py', config,
            run / checkpoint['checkpoint'], '--out', part, '--work-dir',
            run / 'eval_other_sound', '--cfg-options',
            f'test_dataloader.dataset.data_root={plan.tested_on}',
            'test_dataloader.dataset.ann_file='
            f'{truth.relative_to(plan.tested_on)}',
            'test_dataloader.dataset.other_sound=True',
            *plan.benchmark.test_options(truth)
        ], check=True, stdout=subprocess.DEVNULL)
        plan.benchmark.collect(part, kept)
    return plan.benchmark.scores(truth, SPLIT, [kept])[0][SPLIT]


def followed(plan: Plan, arm: str, seed: int) -> tuple[float, float, float]:
    """The score at which tracks start, chosen on the validation drives; MOTA
    of the test drives with it, and with the usual tracker."""
    run = plan.work_dir / f'seed_{seed}' / arm

    def read(split: str) -> tuple[Found, str]:
        truth = str(plan.tested_on / plan.benchmark.annotations(split))
        return read_found(run / f'{split}.bbox.json', truth), truth

    def mota(start_score: float | None) -> float:
        metric = DriveTrackMetric(truth, start_score=start_score)
        return metric.compute_metrics(found)['MOTA']

    start = best_score(tracks_by_score(*read('val')))
    found, truth = read(SPLIT)
    return start, mota(start), mota(None)


def line(values: Iterable[float], digits: int = 1) -> str:
    """Numbers, one after another."""
    return ', '.join(f'{value:.{digits}f}' for value in values)


def bars(table: Table, deaf: Mapping[int, float],
         tracked: Mapping[str, float]) -> list[Bar]:
    """What is asked of the scores.

    Args:
        table (dict): AP50 by arm, column and seed.
        deaf (dict[int, float]): By seed, with the sound of other drives.
        tracked (dict[str, float]): Mean MOTA of student and baselines.
    """
    own, rgb = table[STUDENT], table['rgb']
    bases = [table[name] for name in BASELINES]
    heard = own[SPLIT]
    day, night = f'{SPLIT} day', f'{SPLIT} night'
    times = min(heard[s] / max(deaf[s], 1e-9) for s in heard)
    ahead = min(heard[s] - base[SPLIT][s] for s in heard for base in bases)
    dark = max(rgb[night][s] / max(rgb[day][s], 1e-9) for s in heard)
    kept = min(own[night][s] / max(own[day][s], 1e-9) for s in heard)
    gain = tracked[STUDENT] - max(tracked[name] for name in BASELINES)
    return [
        Bar('AP50 / with other sound, least of a seed', times, '>= 2'),
        Bar('AP50 - one camera, least of a seed', ahead, '> 0'),
        Bar('RGB teacher, night / day, most of a seed', dark, '<= 0.3'),
        Bar('student, night / day, least of a seed', kept, '>= 0.8'),
        Bar('MOTA - one camera, mean of the seeds', gain, '> 0')
    ]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    add_arguments(parser, 'work_dirs/sound_gap', num_seeds=3)
    parser.add_argument('--data', type=Path, default=Path('data'),
                        help='holds drives and drives_labelled')
    args = parser.parse_args()
    draw(args.data)
    plan = plan_of(
        args, ROOT / 'configs/experiments/mm_distillnet.py', ROOT,
        args.work_dir or Path('work_dirs/sound_gap'),
        dict(drives=str(args.data / 'drives'),
             labelled=str(args.data / 'drives_labelled')), arms=[STUDENT])
    run_all(runs_of(plan, args.jobs), args.jobs)
    print(report_of(plan))
    table = read_scores(plan.work_dir, plan.tested_on, plan.reported,
                        plan.seeds, plan.splits, plan.benchmark)
    deaf = {seed: other_sound(plan, STUDENT, seed) for seed in plan.seeds}
    means = {}
    for arm in plan.reported:
        if arm in plan.teacher:
            continue
        starts, own, usual = zip(
            *(followed(plan, arm, seed) for seed in plan.seeds), strict=True)
        means[arm] = statistics.mean(own)
        print(f'{arm}: MOTA {means[arm]:.1f} in the mean of {line(own)}, from '
              f'scores {line(starts, 2)}; with the usual tracker '
              f'{line(usual)}')
    print(f'{STUDENT} with the sound of other drives, AP50: '
          + line(deaf.values()))
    return exit_status(bars(table, deaf, means))


if __name__ == '__main__':
    try:
        sys.exit(main())
    except (ConfigError, ToolError) as error:
        sys.exit(f'error: {error}')
