"""Evaluate a folder of KITTI results, as the official program of 2019 does.

    python tools/analysis_tools/kitti_eval.py data/kitti/training/label_2 \\
        work_dirs/mine/results --frames val

RESULT_DIR holds one file a frame, as the devkit wants them (its 'data' folder
is found too). Needs numpy alone: no GPU, no numba, no mmdet3d.
"""
import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.evaluation.functional.kitti import (
    METRICS,
    MIN_OVERLAPS,
    KittiResult,
    evaluate,
)
from mmxkd.formats.kitti import (
    CLASSES,
    frame_ids_of,
    official_ids,
    read_ids,
    read_labels,
    read_results,
    result_folder,
)
from mmxkd.formats.kitti.layout import LISTS

ALL, FOUND = 'all', 'found'


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('gt_dir', type=Path, metavar='GT_DIR',
                        help='folder of labels, e.g. training/label_2')
    parser.add_argument('result_dir', type=Path, metavar='RESULT_DIR',
                        help='folder of results, one <frame id>.txt each')
    parser.add_argument(
        '--frames', default=ALL, metavar='NAME|FILE',
        help='frames to evaluate: all of GT_DIR (default), train or val (the '
        'common 3712/3769 split), found (those that have a result file), or '
        'a text file of ids')
    parser.add_argument('--classes', nargs='+', default=CLASSES,
                        choices=CLASSES, metavar='CLASS',
                        help='default: ' + ' '.join(CLASSES))
    parser.add_argument(
        '--metrics', nargs='+', default=METRICS, choices=METRICS,
        metavar='METRIC',
        help='default: ' + ' '.join(METRICS) + '; aos comes with bbox')
    parser.add_argument(
        '--overlaps', nargs='+', default=('strict', ), choices=MIN_OVERLAPS,
        metavar='PROTOCOL', help='strict (cars 0.7, others 0.5; default) '
        'and/or loose (cars 0.5, others 0.25, for bev and 3d)')
    parser.add_argument('--json', action='store_true',
                        help='print JSON, with the curves, instead of a table')
    parser.add_argument('--plot', type=Path, metavar='FILE',
                        help='draw the precision-recall curves (.png, .pdf)')
    return parser.parse_args(argv)


def frames(wanted: str, gt_dir: Path, result_dir: Path) -> list[str]:
    """Ids of the frames to evaluate."""
    if wanted == ALL:
        return frame_ids_of(gt_dir)
    if wanted == FOUND:
        return frame_ids_of(result_dir)
    if wanted in ('train', 'val'):
        return official_frames(wanted, gt_dir)
    if not Path(wanted).is_file():
        raise ConfigError(
            f'--frames {wanted!r}: expected {ALL}, {FOUND}, train, val or a '
            'text file of frame ids')
    return read_ids(wanted)


def official_frames(split: str, gt_dir: Path) -> list[str]:
    """Ids of a common split, of whose frames all are labelled.

    Raises:
        ConfigError: They are not, as in a synthetic set or a part of KITTI;
            names the list of frames that such a set has.
    """
    ids = official_ids(split)
    missing = set(ids) - set(frame_ids_of(gt_dir))
    if not missing:
        return ids
    own = gt_dir.absolute().parents[1] / LISTS / f'{split}.txt'
    hint = (f'its own split is in {own}: --frames {own}' if own.is_file() else
            f'--frames {ALL}, {FOUND}, or a text file of ids')
    raise ConfigError(
        f'--frames {split}: {gt_dir} has no labels for {len(missing)} of the '
        f'{len(ids)} frames of the official split, e.g. {min(missing)}; '
        + hint)


def run(args: argparse.Namespace) -> KittiResult:
    """Read both folders and evaluate."""
    result_dir = result_folder(args.result_dir)
    ids = frames(args.frames, args.gt_dir, result_dir)
    extra = set(frame_ids_of(result_dir)) - set(ids)
    if extra:
        print(
            f'note: {len(extra)} result files of other frames are not '
            f'evaluated, e.g. {min(extra)}.txt', file=sys.stderr)
    try:
        results = read_results(result_dir, ids)
    except ConfigError as error:
        if args.frames != ALL:
            raise
        raise ConfigError(f'{error}\nName the frames with --frames: val, '
                          'train, found, or a file of ids.') from None
    return evaluate(read_labels(args.gt_dir, ids), results, args.classes,
                    args.metrics, args.overlaps)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command."""
    args = parse_args(argv)
    result = run(args)
    if args.plot:
        # Drawing needs matplotlib: seconds that a table does not cost.
        from mmxkd.visualization.precision_recall import draw_curves
        draw_curves(result, args.plot)
    for warning in result.warnings:
        print(f'warning: {warning}', file=sys.stderr)
    print(
        json.dumps(result.to_dict(), indent=1) if args.json else result.table(
        ))


if __name__ == '__main__':
    try:
        main()
    except (ConfigError, CorruptSampleError) as error:
        raise SystemExit(f'error: {error}') from None
