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

MODELS = (TEACHER, BASELINE, 'mse', 'adv')


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('runs', type=Path, help='holds seed_<k>/<model>/')
    parser.add_argument('data_root', type=Path, help='converted data')
    parser.add_argument(
        '--models', nargs='+', metavar='NAME', default=MODELS,
        help='folders of models, one row for each; the '
        'teacher and the baseline are among them (default: ' + ' '.join(MODELS)
        + ')')
    args = parser.parse_args()
    print(report(args.runs, args.data_root, args.models), end='')


if __name__ == '__main__':
    try:
        main()
    except ConfigError as error:
        sys.exit(f'error: {error}')
