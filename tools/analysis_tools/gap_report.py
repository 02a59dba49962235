"""How much of the gap between baseline and teacher do students recover?

Reads detections in the layout

    RUNS/seed_<k>/<model>/{val,test}.bbox.json

as tools/experiment.py leaves it, evaluates COCO mAP and prints one row per
model. The share of the gap is (student - baseline) / (teacher - baseline) of
means over seeds, with a paired bootstrap interval.
Writes gap_report.md, .json and .html beside the runs.
"""
import argparse
import sys
from pathlib import Path

from mmxkd.errors import ConfigError
from mmxkd.experiments.report import BASELINE, TEACHER
from mmxkd.experiments.report import write_report as report


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('runs', type=Path)
    parser.add_argument('data_root', type=Path, help='converted data')
    parser.add_argument('--models', nargs='+',
                        default=[TEACHER, BASELINE, 'mse', 'adv'])
    args = parser.parse_args()
    print(report(args.runs, args.data_root, args.models), end='')


if __name__ == '__main__':
    try:
        main()
    except ConfigError as error:
        sys.exit(f'error: {error}')
