"""One report of an experiment whose seeds ran on several machines.

    python tools/experiment.py configs/experiments/fog.py --seeds 0-2
    python tools/experiment.py configs/experiments/fog.py --seeds 3-4 # another

Copy the files gap_report.json to one place, then:

    python tools/analysis_tools/merge_reports.py one/gap_report.json \\
        two/gap_report.json --out work_dirs/fog_merged

Writes gap_report.md, .json and .html, and prints the first. Curves and
pictures are in the reports of the machines.
"""
import argparse
import sys
from pathlib import Path

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.experiments import merge_reports


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('reports', nargs='+', type=Path, metavar='REPORT',
                        help='a gap_report.json')
    parser.add_argument('--out', required=True, type=Path,
                        help='folder of the merged report')
    args = parser.parse_args()
    print(merge_reports(args.reports, args.out), end='')


if __name__ == '__main__':
    try:
        main()
    except (ConfigError, CorruptSampleError) as error:
        sys.exit(f'error: {error}')
