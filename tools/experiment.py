"""Train and test all arms of an experiment; report the recovered gap.

    python tools/experiment.py configs/experiments/fog.py --seeds 1

Each arm is trained once per seed, then tested. Runs that do not wait for each
other run side by side. A run that is done is skipped, and one that was stopped
goes on from its last epoch, so you can repeat the command at any time. It
ends with the table of tools/analysis_tools/gap_report.py. Results go to
WORK_DIR/seed_<k>/<arm>, the report to WORK_DIR/gap_report.{md,json,html}.
"""
import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from mmxkd.engine import launch
from mmxkd.errors import ConfigError
from mmxkd.experiments import (
    Plan,
    ToolError,
    build_runs,
    load_plan,
    report_of,
    run_all,
    seeds_of,
)

ROOT = Path(__file__).resolve().parents[1]


def positive(text: str) -> int:
    """Type of an argument: 1 or more."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'expected 1 or more, got {text!r}')
    return int(text)


def pair(text: str) -> tuple[str, str]:
    """Type of an argument: ``NAME=FOLDER``."""
    name, equals, value = text.partition('=')
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f'expected NAME=FOLDER, got {text!r}')
    return name, value


def parse_args(argv: Sequence[str] | None = None) -> tuple[Plan, int]:
    """The experiment and the number of runs at a time."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', type=launch.existing_file,
                        help='config of an experiment')
    parser.add_argument(
        '--work-dir', type=Path, help='folder for runs and '
        'report (default: work_dirs/ and the name of the '
        'config)')
    parser.add_argument(
        '--seeds', type=seeds_of, metavar='N|FROM-TO',
        help='number of seeds (default: that of the config), '
        'or from one to another, e.g. 3-4 on a second machine')
    parser.add_argument(
        '--arms', nargs='+', metavar='ARM', help='only these, '
        'teacher and baseline, and what they need')
    parser.add_argument('--jobs', type=positive, metavar='N',
                        default=min(4,
                                    os.cpu_count() or 1),
                        help='runs at a time (default: %(default)s)')
    parser.add_argument(
        '--data-root', nargs='+', type=pair, default=[], metavar='NAME=FOLDER',
        help='take other data than '
        'data_roots of the config says, e.g. fog=data/mine')
    parser.add_argument(
        '--cfg-options', nargs='+', default=[], metavar='KEY=VALUE',
        help='change keys of the config '
        'of every arm, e.g. train_cfg.max_epochs=2')
    args = parser.parse_args(argv)
    try:
        plan = load_plan(
            args.config, ROOT, args.work_dir or Path('work_dirs',
                                                     Path(args.config).stem),
            args.seeds, dict(args.data_root), args.cfg_options)
        if args.arms:
            plan = plan.select(args.arms)
        plan.check_data()
    except ConfigError as error:
        parser.error(str(error))
    return plan, args.jobs


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    plan, jobs = parse_args(argv)
    runs = build_runs(plan, max(1, (os.cpu_count() or 1) // jobs))
    run_all(runs, jobs)
    print(report_of(plan), end='')


def interrupt(number: int, frame) -> None:
    """Handle SIGTERM as Ctrl-C: the tools that run are asked to end."""
    sys.exit(128 + number)


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, interrupt)
    try:
        main()
    except ConfigError as error:
        sys.exit(f'error: {error}')
    except ToolError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
