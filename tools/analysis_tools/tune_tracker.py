"""Choose at which score tracks start, on validation drives.

Detectors differ in how sure they are, so the score at which ByteTracker starts
a track has to fit the detector. Give the detections of validation drives, as
``tools/test.py --out`` writes them, and the true tracks; the highest MOTA
wins. With --test, the numbers of other drives with that score follow.
"""
import argparse
import sys
from pathlib import Path

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.engine import launch
from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.evaluation.metrics.track_scores import (
    best_score,
    read_found,
    tracks_by_score,
)
from mmxkd.io.escape import escape

SHOWN = ('MOTA', 'IDF1', 'MOTP', 'switches', 'false_positives', 'misses')


def parse_args(argv=None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('detections', type=launch.existing_file,
                        help='of validation drives, X.bbox.json')
    parser.add_argument(
        'truth', type=launch.existing_file, help='their true tracks, e.g. '
        'data/drives/annotations/val_truth.json')
    parser.add_argument('--test', nargs=2, type=launch.existing_file,
                        metavar=('DETECTIONS', 'TRUTH'),
                        help='of drives that choose nothing')
    return parser.parse_args(argv)


def row(title: str, numbers: dict) -> str:
    """A line of the table."""
    return f'{title:>6s}' + ''.join(f'{numbers[name]:16.1f}' for name in SHOWN)


def main(argv=None) -> None:
    """Run the command."""
    args = parse_args(argv)
    found = read_found(Path(args.detections), args.truth)
    numbers = tracks_by_score(found, args.truth)
    best = best_score(numbers)
    print(f'{"score":>6s}' + ''.join(f'{name:>16s}' for name in SHOWN))
    for score, own in numbers.items():
        print(row(f'{score:.2f}', own) + (' *' if score == best else ''))
    print("\nFor this detector: dict(type='mmxkd.DriveTrackMetric', "
          f'start_score={best}, …)')
    if args.test:
        tested = read_found(Path(args.test[0]), args.test[1])
        own = tracks_by_score(tested, args.test[1], [best])[best]
        print(f'\nWith it, {args.test[0]}:\n{row("", own)}')


if __name__ == '__main__':
    try:
        main()
    except (ConfigError, CorruptSampleError, ModuleNotFoundError) as error:
        sys.exit(f'error: {escape(error)}')
