"""Train and test all arms of an experiment; report the recovered gap.

    python tools/experiment.py configs/experiments/fog.py --seeds 1

Each arm is trained once per seed, then tested. Runs that do not wait for each
other run side by side. A run that is done is skipped, and one that was stopped
goes on from its last epoch, so you can repeat the command at any time. It
ends with the table of tools/analysis_tools/gap_report.py. Results go to
WORK_DIR/seed_<k>/<arm>, the report to WORK_DIR/gap_report.{md,json,html}.
"""
import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from mmxkd.engine import launch
from mmxkd.errors import ConfigError
from mmxkd.experiments import Plan, ToolError, report_of, run_all
from mmxkd.experiments.command_line import (
    add_arguments,
    add_data_root,
    plan_of,
    runs_of,
)

ROOT = Path(__file__).resolve().parents[1]


def parse_args(argv: Sequence[str] | None = None) -> tuple[Plan, int]:
    """The experiment and the number of runs at a time."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', type=launch.existing_file,
                        help='config of an experiment')
    add_arguments(parser, 'work_dirs/ and the name of the config')
    add_data_root(parser)
    args = parser.parse_args(argv)
    try:
        plan = plan_of(
            args, args.config, ROOT, args.work_dir
            or Path('work_dirs',
                    Path(args.config).stem), dict(args.data_root))
    except ConfigError as error:
        parser.error(str(error))
    return plan, args.jobs


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    plan, jobs = parse_args(argv)
    run_all(runs_of(plan, jobs), jobs)
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
